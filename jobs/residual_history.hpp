#pragma once

#include <vector>

#include "jobs/metrics.hpp"
#include "src/base/index.hpp"

namespace widegram::jobs {

/// A relative residual an iteration, thinned out evenly so that a long solve leaves a short list: the first
/// and the last one are always there.
class ResidualHistory {
 public:
  void add(Index iteration, double residual);
  /// [[iteration, residual], ...], at most 1,000 of them.
  Json json() const;

 private:
  struct Point {
    Index iteration = 0;
    double residual = 0;
  };
  std::vector<Point> points_;  ///< every stride_-th, from the first on
  Point last_;
  Index added_ = 0;
  Index stride_ = 1;
};

}  // namespace widegram::jobs
