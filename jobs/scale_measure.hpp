#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs/metrics.hpp"
#include "jobs/scale_points.hpp"

namespace widegram::jobs {

/// One phase of a point: medians over its repeats.
struct PhaseTime {
  double seconds = 0;  ///< of the slowest rank
  double steps = 1;    ///< iterations that it consists of
  double work = 0;     ///< of a step, in what the phase consists of (entries, flops, ...); 0: not known
  /// Shares of the time: what even the busiest rank spends inside MPI, and what the mean rank spends there
  /// beyond it, waiting.
  double communication = 0;
  double imbalance = 0;
  /// Against the smallest rank count; nothing where there is none to compare with, or the point is
  /// oversubscribed.
  std::optional<double> strong_efficiency{};
  std::optional<double> weak_efficiency{};

  double step_seconds() const { return seconds / steps; }
};

/// Why the last run of a point came to nothing.
struct PointFailure {
  int exit_code = 0;
  std::string message;
};

struct MeasuredPoint {
  ScalePoint point;
  bool oversubscribed = false;  ///< more ranks than processors: no measure of anything
  Index finished = 0;           ///< repeats
  std::optional<PointFailure> failure{};
  Index n = 0;  ///< as measured
  Index m = 0;
  double preconditioner_rank = 0;
  std::map<std::string, PhaseTime> phases{};  ///< by the names in metrics.json, and "total"

  bool counts() const { return finished > 0 && !oversubscribed; }
};

/// Median over the metrics.json of a point's repeats, which lie in `folder`/k1, k2, ...; those that are not
/// there or not whole do not count. Throws Error(files) where one is damaged.
MeasuredPoint measure_point(const std::filesystem::path& folder, const ScalePoint& point, Index processors);

/// Fills in the efficiencies: strong T(R0) R0 / (T(R) R) among points of one size; weak: work a second and
/// rank, against that of the fewest ranks.
void add_efficiencies(std::vector<MeasuredPoint>& points);

/// Whether the file is the metrics.json of a run that came to its end.
bool is_finished(const std::filesystem::path& metrics);

}  // namespace widegram::jobs
