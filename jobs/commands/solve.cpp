#include "jobs/commands/commands.hpp"
#include "jobs/pipeline.hpp"

namespace widegram::jobs {

ExitCode solve_command(const CommandContext& context) { return run_parts(context, {.solve = true}); }

}  // namespace widegram::jobs
