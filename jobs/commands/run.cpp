#include "jobs/commands/commands.hpp"
#include "jobs/pipeline.hpp"
#include "jobs/report.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode run_command(const CommandContext& context) {
  const ExitCode code = run_parts(context, {.gram = true, .solve = true, .predict = true});
  mpi::on_root(context.comm, [&] { print_report({context.job->output}); });
  return code;
}

}  // namespace widegram::jobs
