#include "solvers/training_law.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "solvers/checks.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

[[noreturn]] void refuse(const std::string& message) { throw mpi::CollectiveError(ExitCode::usage, message); }

}  // namespace

TrainingLaw::TrainingLaw(const DynamicsOptions& options, double samples)
    : options_(options), samples_(samples) {
  check_ridge(options.ridge);
  if (!(options.rate > 0) || !std::isfinite(options.rate))
    refuse(fmt::format("a learning rate of {}: give a finite number above zero", options.rate));
}

/// Eigenvalues below zero by rounding count as zero.
double TrainingLaw::trained(double eigenvalue) const { return std::max(0.0, eigenvalue + options_.ridge); }

double TrainingLaw::largest_stable_rate(double largest) const { return 2.0 * samples_ / trained(largest); }

void TrainingLaw::check_stable(double largest) const {
  if (options_.descent == Descent::steps && options_.rate >= largest_stable_rate(largest))
    refuse(fmt::format("gradient descent with dynamics.rate = {:.6g} diverges: rates below {:.6g} are stable",
                       options_.rate, largest_stable_rate(largest)));
}

void TrainingLaw::check_time(double t, double largest) const {
  if (!(t >= 0)) refuse(fmt::format("a training time of {}: give a number, zero or above", t));
  if (options_.descent == Descent::flow) return;
  if (std::isinf(t))
    check_stable(largest);
  else if (t != std::floor(t))
    refuse(fmt::format("gradient descent after {} steps: give a whole number", t));
}

/// x: rate times eigenvalue over n k.
double TrainingLaw::share(double x, double t) const {
  if (t == 0 || x == 0) return 0;
  if (options_.descent == Descent::flow) return -std::expm1(-x * t);
  return x < 1 ? -std::expm1(t * std::log1p(-x)) : 1.0 - std::pow(1.0 - x, t);
}

/// share / eigenvalue has a limit where the eigenvalue is zero.
double TrainingLaw::weight(double eigenvalue, double t) const {
  const double pace = options_.rate / samples_;
  const double value = trained(eigenvalue);
  return value > 0 ? share(pace * value, t) / value : pace * t;
}

double default_rate(double largest, double ridge, double samples) {
  return samples / std::max(0.0, largest + ridge);
}

}  // namespace widegram::solvers
