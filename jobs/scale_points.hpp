#pragma once

#include <string>
#include <vector>

#include "jobs/study_options.hpp"

namespace widegram::jobs {

/// One point of a scaling study: a rank count and a number of training samples.
struct ScalePoint {
  Index ranks = 1;
  Index n = 0;          ///< 0: all that the job has
  bool strong = false;  ///< one of several rank counts for a fixed size
  bool weak = false;    ///< of several that keep the entries a rank

  /// "r2-n4000": below OUTPUT/points.
  std::string folder() const;
};

/// The study's points, by size and then by ranks; one that is asked for in both ways comes once.
/// `processors`: up to how many the rank counts go where none are given.
std::vector<ScalePoint> scale_points(const ScaleOptions& options, Index processors);

/// The source of a training set, cut to n samples from where its slice begins: "x[10:50]" to "x[10:10+n]".
/// Throws Error(usage) where the slice counts from the end.
std::string cut_to(const std::string& train, Index n);

}  // namespace widegram::jobs
