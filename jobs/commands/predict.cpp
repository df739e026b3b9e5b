#include "jobs/commands/commands.hpp"
#include "jobs/pipeline.hpp"

namespace widegram::jobs {

ExitCode predict_command(const CommandContext& context) { return run_parts(context, {.predict = true}); }

}  // namespace widegram::jobs
