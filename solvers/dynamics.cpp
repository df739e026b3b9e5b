#include "solvers/dynamics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "solvers/checks.hpp"
#include "src/dist/scalapack.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

[[noreturn]] void refuse(const std::string& message) { throw mpi::CollectiveError(ExitCode::usage, message); }

}  // namespace

TrainingDynamics::TrainingDynamics(const Eigendecomposition& kernel, const DistributedMatrix<double>& targets,
                                   const DynamicsOptions& options)
    : kernel_(kernel),
      options_(options),
      samples_(static_cast<double>(targets.rows()) * static_cast<double>(targets.cols())),
      target_powers_(kernel.values.size()) {
  check_ridge(options.ridge);
  if (!(options.rate > 0) || !std::isfinite(options.rate))
    refuse(fmt::format("a learning rate of {}: give a finite number above zero", options.rate));
  check_finite(targets, "the targets");
  projected_ = project(kernel, targets);
  for (Index k = 0; k < projected_.cols(); ++k)
    for (Index j = 0; j < projected_.rows(); ++j)
      target_powers_[static_cast<std::size_t>(j)] += projected_(j, k) * projected_(j, k);
}

double TrainingDynamics::trained_eigenvalue(std::size_t j) const {
  return std::max(0.0, kernel_.values[j] + options_.ridge);
}

double TrainingDynamics::largest_stable_rate() const {
  return 2.0 * samples_ / trained_eigenvalue(kernel_.values.size() - 1);
}

void TrainingDynamics::check_time(double t) const {
  if (!(t >= 0)) refuse(fmt::format("a training time of {}: give a number, zero or above", t));
  if (options_.descent == Descent::flow) return;
  if (std::isfinite(t)) {
    if (t != std::floor(t)) refuse(fmt::format("gradient descent after {} steps: give a whole number", t));
  } else if (options_.rate >= largest_stable_rate()) {
    refuse(fmt::format(
        "gradient descent with a learning rate of {:.6g} has no end: rates below {:.6g} are stable",
        options_.rate, largest_stable_rate()));
  }
}

/// x: rate times eigenvalue over n k.
double TrainingDynamics::share(double x, double t) const {
  if (t == 0 || x == 0) return 0;
  if (std::isinf(t)) return 1;
  if (options_.descent == Descent::flow) return -std::expm1(-x * t);
  return x < 1 ? -std::expm1(t * std::log1p(-x)) : 1.0 - std::pow(1.0 - x, t);
}

/// share / eigenvalue, which has a limit where the eigenvalue is zero.
double TrainingDynamics::finite_weight(double eigenvalue, double t) const {
  const double pace = options_.rate / samples_;
  return eigenvalue > 0 ? share(pace * eigenvalue, t) / eigenvalue : pace * t;
}

std::vector<double> TrainingDynamics::coefficient_weights(double t) const {
  check_time(t);
  if (std::isinf(t)) return inverted(kernel_.values, options_.ridge);
  std::vector<double> weights(kernel_.values.size());
  for (std::size_t j = 0; j < weights.size(); ++j) weights[j] = finite_weight(trained_eigenvalue(j), t);
  return weights;
}

double TrainingDynamics::loss(double t) const {
  const std::vector<double> weights = coefficient_weights(t);
  double sum = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const double left = 1.0 - kernel_.values[j] * weights[j];
    sum += left * left * target_powers_[j];
  }
  return sum / (2.0 * samples_);
}

DistributedMatrix<double> TrainingDynamics::coefficients(double t) const {
  return expand(kernel_, coefficient_weights(t), projected_.view());
}

DistributedMatrix<double> TrainingDynamics::outputs(double t) const {
  std::vector<double> weights = coefficient_weights(t);
  for (std::size_t j = 0; j < weights.size(); ++j) weights[j] *= kernel_.values[j];
  return expand(kernel_, weights, projected_.view());
}

DistributedMatrix<double> ensemble_covariance(const TrainingDynamics& ntk, double t,
                                              const DistributedMatrix<double>& nngp,
                                              const DistributedMatrix<double>& cross_ntk,
                                              const DistributedMatrix<double>& cross_nngp,
                                              const DistributedMatrix<double>& prior) {
  const DistributedMatrix<double> weighted =
      apply_function(ntk.kernel(), ntk.coefficient_weights(t), cross_ntk);
  const Index b = prior.rows();
  DistributedMatrix<double> covariance(prior.grid(), b, b, prior.block());
  // W T against K_nngp W T - 2 N: its symmetric part is what the formula adds to the prior.
  DistributedMatrix<double> against(cross_ntk.grid(), cross_ntk.rows(), b, cross_ntk.block());
  dist::gemm(dist::Transpose::no, nngp, weighted, against);
  const MatrixView<double> mine = against.local();
  for (LocalIndex j = 0; j < mine.cols; ++j)
    for (LocalIndex i = 0; i < mine.rows; ++i) mine(i, j) -= 2.0 * cross_nngp.local()(i, j);
  dist::gemm(dist::Transpose::yes, weighted, against, covariance);
  DistributedMatrix<double> turned(prior.grid(), b, b, prior.block());
  dist::gemm(dist::Transpose::yes, against, weighted, turned);
  const MatrixView<double> sum = covariance.local();
  for (LocalIndex j = 0; j < sum.cols; ++j)
    for (LocalIndex i = 0; i < sum.rows; ++i)
      sum(i, j) = prior.local()(i, j) + 0.5 * (sum(i, j) + turned.local()(i, j));
  return covariance;
}

}  // namespace widegram::solvers
