#include "jobs/report.hpp"

#include "jobs/commands/commands.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode report_command(const CommandContext& context) {
  mpi::on_root(context.comm, [&] { print_report(context.line.folders); });
  return ExitCode::done;
}

}  // namespace widegram::jobs
