#include "jobs/doctor.hpp"

#include <fmt/format.h>

#include "jobs/commands/commands.hpp"

namespace widegram::jobs {

ExitCode doctor_command(const CommandContext& context) {
  const std::vector<Finding> findings = examine(context.comm, context.job ? context.job->output : ".");
  const ExitCode code = verdict(findings);
  if (context.comm.is_root()) {
    fmt::print("{}", to_text(findings));
    fmt::print("{}\n", code == ExitCode::done ? "ready" : "not ready: mend what says FAIL first");
  }
  return code;
}

}  // namespace widegram::jobs
