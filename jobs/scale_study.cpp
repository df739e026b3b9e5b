#include "jobs/scale_study.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include "jobs/child_process.hpp"
#include "jobs/job_file.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/processor.hpp"
#include "src/base/numbers.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {
namespace {

namespace fs = std::filesystem;

std::string command_of(const Job& job, const ScaleOptions& options) {
  if (!options.command.empty()) return options.command;
  return job.kernel.network.empty() ? "dkm" : "run";
}

std::string quoted(const std::string& text) {
  if (text.find('\'') != std::string::npos)
    throw Error(ExitCode::usage, fmt::format("{}: a scaling study takes no ' in its paths", text));
  return "'" + text + "'";
}

void make_folder(const fs::path& folder) {
  std::error_code reason;
  fs::create_directories(folder, reason);
  if (reason)
    throw Error(ExitCode::files, fmt::format("{}: cannot make this folder: {}; choose another output",
                                             folder.string(), reason.message()));
}

/// All but what tells of a run.
void remove_results(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name != "metrics.json" && name != "job.toml" && name != "log") fs::remove_all(entry.path(), ignored);
  }
}

Index number_of(const char* variable, Index otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : parse_integer(text).value_or(otherwise);
}

fs::path own_program() {
  std::error_code hidden;
  const fs::path path = fs::read_symlink("/proc/self/exe", hidden);
  return hidden ? fs::path("widegram") : path;
}

bool is_stop(int code) { return code == static_cast<int>(ExitCode::stopped); }

}  // namespace

Index study_processors() {
  if (std::getenv("SLURM_JOB_ID") == nullptr) return open_processors();
  return number_of("SLURM_NTASKS", 1) * number_of("SLURM_CPUS_PER_TASK", 1);
}

ScaleStudy::ScaleStudy(const Job& job, const CommandLine& line, Progress& progress)
    : job_(job),
      line_(line),
      progress_(progress),
      command_(command_of(job, line.scale)),
      processors_(study_processors()),
      points_(scale_points(line.scale, processors_)),
      folder_(in_output(job, "points")) {
  for (const char* launched : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"})
    if (std::getenv(launched) != nullptr)
      throw Error(ExitCode::usage,
                  "scale starts the ranks itself: run it without mpirun or srun (widegram scale JOB.toml)");
  const auto count = std::ssize(points_);
  if (line.scale.point && *line.scale.point >= count)
    throw Error(ExitCode::usage,
                fmt::format("--point {}: the study has {} points, 0 to {} (--list shows them)",
                            *line.scale.point, count, count - 1));
  for (const ScalePoint& point : points_)
    if (point.n > 0) cut_to(job.data.train, point.n);
}

void ScaleStudy::claim() const {
  make_folder(folder_);
  const FileLock lock(folder_ / "lock", FileLock::Wait::yes);
  const std::string whole = fmt::format("# The study's job, for the command {}\n{}", command_, to_toml(job_));
  const fs::path kept = folder_ / "job.toml";
  std::ifstream in(kept);
  if (!in) {
    write_text_file(kept, whole);
    return;
  }
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (text != whole)
    throw Error(ExitCode::usage,
                fmt::format("{} holds the points of another job or command (see its job.toml): give this "
                            "study another output, or remove that folder",
                            folder_.string()));
}

std::vector<std::string> ScaleStudy::words(const ScalePoint& point, const fs::path& output) const {
  std::vector<std::string> words;
  std::istringstream launcher(line_.scale.launcher);
  for (std::string word; launcher >> word;) words.push_back(word);
  for (const std::string& word : {std::string("-n"), fmt::to_string(point.ranks), own_program().string(),
                                  command_, line_.job_file, std::string("--quiet")})
    words.push_back(word);
  const auto set = [&](const std::string& text) {
    words.push_back("--set");
    words.push_back(text);
  };
  for (const std::string& override : line_.overrides) set(override);
  set("output=" + quoted(output.string()));
  if (point.n > 0) set("data.train=" + quoted(cut_to(job_.data.train, point.n)));
  if (!line_.petsc.empty()) words.push_back("--");
  words.insert(words.end(), line_.petsc.begin(), line_.petsc.end());
  return words;
}

int ScaleStudy::run_repeat(const ScalePoint& point, const fs::path& into) const {
  // What an interrupted run has left would be taken up and the time be that of the rest alone.
  std::error_code ignored;
  fs::remove_all(into, ignored);
  make_folder(into);
  const int code = run_child(words(point, into), into / "log");
  remove_results(into);
  return code == 0 && !is_finished(into / "metrics.json") ? 1 : code;
}

int ScaleStudy::run_point(const ScalePoint& point) {
  const ScaleOptions& options = line_.scale;
  const fs::path folder = folder_ / point.folder();
  make_folder(folder);
  const FileLock lock(folder / "lock", FileLock::Wait::no);
  if (!lock.held()) {
    progress_.warn(fmt::format("{}: another process is at this point: it is left out", point.folder()));
    return 0;
  }
  bool warm = false;
  for (Index repeat = 1; repeat <= options.repeats; ++repeat) {
    const fs::path into = folder / fmt::format("k{}", repeat);
    if (is_finished(into / "metrics.json")) continue;
    int code = 0;
    fs::path used = folder / "warmup";
    for (Index k = 0; k < options.warmup && !warm && code == 0; ++k) code = run_repeat(point, used);
    warm = true;
    if (code == 0) code = run_repeat(point, used = into);
    std::error_code ignored;
    const std::string message = code == 0 ? "" : last_word(used / "log");
    fs::remove_all(folder / "warmup", ignored);
    const bool stopped = is_stop(code) || !mpi::StopRequest().reason().empty();
    if (stopped) return static_cast<int>(ExitCode::stopped);
    if (code != 0) {
      progress_.warn(fmt::format("{}: exit code {}: {}", point.folder(), code, message));
      write_text_file(folder / "failure.json",
                      Json{{"exit_code", code}, {"message", message}}.dump(2) + "\n");
      return code;
    }
    fs::remove(folder / "failure.json", ignored);
  }
  return 0;
}

ExitCode ScaleStudy::run() {
  claim();
  // More ranks than processors are allowed, and told apart; Open MPI wants to be asked.
  setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 0);
  int failed = 0;
  bool any = false;
  for (std::size_t k = 0; k < points_.size(); ++k) {
    const ScalePoint& point = points_[k];
    if (line_.scale.point && *line_.scale.point != static_cast<Index>(k)) continue;
    progress_.note(fmt::format("point {} of {}: {} rank{}, {}{}", k, points_.size(), point.ranks,
                               point.ranks == 1 ? "" : "s",
                               point.n > 0 ? fmt::format("{} samples", point.n) : "all samples",
                               point.ranks > processors_ ? " (oversubscribed)" : ""));
    const int code = run_point(point);
    if (is_stop(code)) return ExitCode::stopped;
    any = any || code == 0;
    if (failed == 0) failed = code;
  }
  return any ? ExitCode::done : static_cast<ExitCode>(failed);
}

std::vector<MeasuredPoint> ScaleStudy::measured() const {
  std::vector<MeasuredPoint> all;
  for (const ScalePoint& point : points_)
    all.push_back(measure_point(folder_ / point.folder(), point, processors_));
  add_efficiencies(all);
  return all;
}

std::string ScaleStudy::draw() const {
  const fs::path home = own_program().parent_path();
  const std::string json = in_output(job_, "scaling.json");
  for (const fs::path& script : {home / "../jobs/plot.py", home / "../share/widegram/jobs/plot.py"}) {
    std::error_code ignored;
    if (!fs::exists(script, ignored)) continue;
    const fs::path log = folder_ / "plot.log";
    try {
      const int code = run_child({line_.scale.python, script.lexically_normal().string(), json}, log);
      return code == 0 ? "" : fmt::format("no pictures: {}", last_word(log));
    } catch (const Error& error) {
      return fmt::format("no pictures: {} (--python names one with matplotlib)", error.what());
    }
  }
  return "no pictures: plot.py is not beside the program";
}

}  // namespace widegram::jobs
