#include <map>
#include <stdexcept>
#include <string>

#include "jobs/commands/commands.hpp"
#include "jobs/launch_details.hpp"

namespace widegram::jobs {

ExitCode execute(const CommandContext& context) {
  using Command = ExitCode (*)(const CommandContext&);
  static const std::map<std::string, Command> commands{
      {"run", run_command},         {"gram", gram_command},         {"solve", solve_command},
      {"predict", predict_command}, {"spectrum", spectrum_command}, {"dynamics", dynamics_command},
      {"dkm", dkm_command},         {"describe", describe_command}, {"inspect", inspect_command},
      {"verify", verify_command},   {"report", report_command},     {"doctor", doctor_command},
      {"plan", plan_command}};
  if (context.line.verbose)
    for (const std::string& line : launch_details(context.comm, context.job ? context.job->output : ""))
      context.progress.detail(line);
  return commands.at(context.line.command)(context);
}

}  // namespace widegram::jobs
