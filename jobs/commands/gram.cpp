#include "jobs/commands/commands.hpp"
#include "jobs/pipeline.hpp"

namespace widegram::jobs {

ExitCode gram_command(const CommandContext& context) { return run_parts(context, {.gram = true}); }

}  // namespace widegram::jobs
