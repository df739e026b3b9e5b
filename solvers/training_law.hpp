#pragma once

#include <optional>

#include "src/base/index.hpp"

namespace widegram::solvers {

enum class Descent {
  flow,  ///< gradient flow: time is rate x t, and t may be any number
  steps  ///< gradient descent with a step of `rate`: t counts steps, whole numbers
};

struct DynamicsOptions {
  Descent descent = Descent::flow;
  double rate = 1;
  double ridge = 0;  ///< plain number added to the kernel that trains, as neural-tangents' diag_reg is
};

/// What training does to the part of the targets along one eigenvector of the kernel: see TrainingDynamics
/// for its formulas. Everything here is plain arithmetic; every rank brings the same.
class TrainingLaw {
 public:
  /// samples: n k, of n samples and k target columns. Throws CollectiveError(usage) for a rate that is not
  /// above zero or a ridge below it.
  TrainingLaw(const DynamicsOptions& options, double samples);

  const DynamicsOptions& options() const { return options_; }
  double samples() const { return samples_; }

  /// Gradient descent at a higher rate diverges. largest: the kernel's largest eigenvalue, here and below.
  double largest_stable_rate(double largest) const;
  /// Throws CollectiveError(usage) where this is gradient descent at a rate that diverges.
  void check_stable(double largest) const;
  /// Throws CollectiveError(usage) for a time that there is not.
  void check_time(double t, double largest) const;

  /// share(t) / (eigenvalue + ridge) of an eigenvalue of the kernel, for a finite t.
  double weight(double eigenvalue, double t) const;

 private:
  double trained(double eigenvalue) const;
  double share(double scaled_eigenvalue, double t) const;

  DynamicsOptions options_;
  double samples_;
};

/// Half of the largest stable rate: t = 1 is then the time, or the step, in which the leading eigenvector's
/// part is learned to 1 - 1/e by flow and wholly by a step.
double default_rate(double largest, double ridge, double samples);

}  // namespace widegram::solvers
