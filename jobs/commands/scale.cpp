#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "jobs/child_process.hpp"
#include "jobs/commands/commands.hpp"
#include "jobs/job_file.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/scale_report.hpp"
#include "jobs/scale_study.hpp"

namespace widegram::jobs {
namespace {

void print_points(const ScaleStudy& study) {
  for (std::size_t k = 0; k < study.points().size(); ++k) {
    const ScalePoint& point = study.points()[k];
    fmt::print("{:>4}  {}{}\n", k, point.folder(),
               point.ranks > study.processors() ? "  (oversubscribed)" : "");
  }
}

/// Writes and draws what there is so far.
void report(const Job& job, const CommandLine& line, const ScaleStudy& study, Progress& progress) {
  const FileLock lock(study.folder() / "lock", FileLock::Wait::yes);
  ScaleReport report{.name = job.name,
                     .command = study.command(),
                     .processors = study.processors(),
                     .options = line.scale,
                     .points = study.measured(),
                     .models = {}};
  report.models = fit_models(report.points, line.scale.hold_out);
  write_text_file(in_output(job, "scaling.json"), to_json(report).dump(2) + "\n");
  write_text_file(in_output(job, "scaling.csv"), to_csv(report));
  if (const std::string remark = study.draw(); !remark.empty()) progress.warn(remark);
  fmt::print("{}{}\n", to_text(report), in_output(job, "scaling.json"));
}

}  // namespace

ExitCode scale_command(const CommandLine& line) {
  const Job job = read_job(line.job_file, line.overrides);
  Progress progress(std::cerr, {.level = line.quiet ? Progress::Level::quiet : Progress::Level::normal,
                                .terminal = isatty(STDERR_FILENO) == 1});
  ScaleStudy study(job, line, progress);
  if (line.scale.list) {
    print_points(study);
    return ExitCode::done;
  }
  const ExitCode code = study.run();
  report(job, line, study, progress);
  if (code == ExitCode::stopped)
    throw Error(ExitCode::stopped,
                "stopped early: finished points are kept; run the same command again to go on");
  return code;
}

}  // namespace widegram::jobs
