#include "io/verify.hpp"

#include <fmt/format.h>

#include "jobs/commands/commands.hpp"

namespace widegram::jobs {

ExitCode verify_command(const CommandContext& context) {
  const io::VerifyReport report = io::verify(context.comm, context.line.file);
  if (context.comm.is_root()) fmt::print("{}", report.text());
  return report.good() ? ExitCode::done : ExitCode::files;
}

}  // namespace widegram::jobs
