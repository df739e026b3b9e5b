#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "jobs/command_line.hpp"
#include "jobs/job.hpp"
#include "jobs/progress.hpp"
#include "jobs/scale_measure.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {

/// A scaling study of a job: starts `LAUNCHER -n RANKS widegram COMMAND JOB` for every repeat of every point,
/// keeps the metrics.json of each in OUTPUT/points/POINT/kREPEAT and removes its large files. One process,
/// which is no MPI program itself. What is finished is not run again; several processes may work on points of
/// one study at once.
class ScaleStudy {
 public:
  /// Throws Error(usage) where the launch, the options or the points that are there do not fit.
  ScaleStudy(const Job& job, const CommandLine& line, Progress& progress);

  const std::vector<ScalePoint>& points() const { return points_; }
  Index processors() const { return processors_; }
  /// The command that is timed.
  const std::string& command() const { return command_; }

  /// Runs what is missing of the points that are asked for. Returns done; stopped where a signal or the
  /// launcher has ended it early; where none of them has come to an end, the first one's exit code. A point
  /// that fails is recorded, and the next one begins.
  ExitCode run();

  /// What all points have come to so far, with efficiencies.
  std::vector<MeasuredPoint> measured() const;

  /// Draws OUTPUT/scaling.json with the Python that the options name. Empty, or why there are no pictures.
  std::string draw() const;

  /// OUTPUT/points, and the lock of what is written beside it.
  const std::filesystem::path& folder() const { return folder_; }

 private:
  /// Throws Error(usage) where the points that are there belong to another job or command.
  void claim() const;
  /// Exit code of the repeat.
  int run_repeat(const ScalePoint& point, const std::filesystem::path& into) const;
  /// Exit code of the first repeat that fails, else 0.
  int run_point(const ScalePoint& point);
  std::vector<std::string> words(const ScalePoint& point, const std::filesystem::path& output) const;

  const Job& job_;
  const CommandLine& line_;
  Progress& progress_;
  std::string command_;
  Index processors_ = 1;
  std::vector<ScalePoint> points_;
  std::filesystem::path folder_;
};

/// Processors that ranks may be put on: this node's, or, within a Slurm job, the job's.
Index study_processors();

}  // namespace widegram::jobs
