#include <fmt/format.h>

#include "jobs/commands/commands.hpp"
#include "jobs/dynamics_stage.hpp"
#include "jobs/pipeline.hpp"
#include "jobs/report.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode dynamics_command(const CommandContext& context) {
  const ExitCode code = run_parts(context, {.dynamics = true});
  mpi::on_root(context.comm, [&] {
    fmt::print("{}\n{}", to_text(io::read_dynamics(dynamics_path(*context.job))),
               files_of(context.job->output));
  });
  return code;
}

}  // namespace widegram::jobs
