#include "jobs/report.hpp"

#include <fmt/format.h>

#include "jobs/commands/commands.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode report_command(const CommandContext& context) {
  mpi::on_root(context.comm, [&] { fmt::print("{}", report(context.line.folders)); });
  return ExitCode::done;
}

}  // namespace widegram::jobs
