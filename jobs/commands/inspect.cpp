#include "io/inspect.hpp"

#include <fmt/format.h>

#include "jobs/commands/commands.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

ExitCode inspect_command(const CommandContext& context) {
  mpi::on_root(context.comm, [&] {
    const io::FileReport report = io::inspect(context.line.file);
    fmt::print("{}", context.line.json ? report.json() + "\n" : report.text());
  });
  return ExitCode::done;
}

}  // namespace widegram::jobs
