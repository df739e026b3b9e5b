#pragma once

#include <optional>

#include "solvers/training_law.hpp"
#include "src/base/matrix.hpp"

namespace widegram::solvers {

/// Training as TrainingDynamics has it, of the samples that are not held out, known at any of the times that
/// it was made for. Outputs are asked for at all n training samples, those held out among them. Members are
/// collective.
class TrainingPath {
 public:
  virtual ~TrainingPath() = default;

  virtual const TrainingLaw& law() const = 0;
  /// Of the kernel between the samples that are fitted.
  virtual double largest_eigenvalue() const = 0;
  /// alpha(t), n x k on every rank; 0 where a sample is held out.
  virtual Matrix<double> coefficients(double t) const = 0;
  /// f(t), n x k on every rank.
  virtual Matrix<double> outputs(double t) const = 0;

  double largest_stable_rate() const { return law().largest_stable_rate(largest_eigenvalue()); }
};

struct TrainingOptions {
  Descent descent = Descent::flow;
  std::optional<double> rate{};  ///< without it: default_rate()
  double ridge = 0;              ///< the plain number
};

}  // namespace widegram::solvers
