#pragma once

#include <string>
#include <vector>

#include "jobs/scale_measure.hpp"

namespace widegram::jobs {

/// A term of a phase's model: a physically meant quantity that grows with the seconds of a step.
struct ModelTerm {
  std::string name;
  double coefficient = 0;  ///< seconds a unit, at least 0
};

/// How the model meets one point.
struct Residual {
  std::string point;  ///< its folder
  double measured = 0;
  double predicted = 0;
  bool held_out = false;
  double error() const { return predicted / measured - 1; }
};

/// Seconds of a step of a phase over sizes and rank counts.
struct PhaseModel {
  std::string phase;
  std::vector<ModelTerm> terms;
  std::vector<Residual> residuals;  ///< of the points fitted to, and of those held out
  std::string remark;               ///< why nothing was held out; empty where something was

  /// Of |error| over the fitted (or the held-out) points; 0 where there are none.
  double median_error(bool held_out) const;
  double largest_error(bool held_out) const;
  bool has_held_out() const;
};

/// A model for every phase that two points or more have measured, for "other", what the points' whole time
/// has beside its phases, and last "total", the sum of them all, without terms of its own. By least squares
/// of the relative errors with coefficients that are not negative. Points that failed or are oversubscribed
/// do not count. `hold_out`: "largest" keeps the points of the largest size to test the model on, where two
/// smaller sizes remain; a share keeps as many points, evenly over sizes and ranks.
std::vector<PhaseModel> fit_models(const std::vector<MeasuredPoint>& points, const std::string& hold_out);

}  // namespace widegram::jobs
