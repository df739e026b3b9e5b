#include <fmt/format.h>

#include "jobs/commands/commands.hpp"
#include "jobs/dynamics_stage.hpp"
#include "jobs/pipeline.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode dynamics_command(const CommandContext& context) {
  const ExitCode code = run_parts(context, {.dynamics = true});
  mpi::on_root(context.comm,
               [&] { fmt::print("{}", to_text(io::read_dynamics(dynamics_path(*context.job)))); });
  return code;
}

}  // namespace widegram::jobs
