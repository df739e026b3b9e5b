#include "solvers/dynamics.hpp"

#include <cmath>

#include "solvers/checks.hpp"
#include "src/dist/scalapack.hpp"

namespace widegram::solvers {

using dist::DistributedMatrix;

TrainingDynamics::TrainingDynamics(const Eigendecomposition& kernel, const DistributedMatrix<double>& targets,
                                   const DynamicsOptions& options)
    : kernel_(kernel),
      law_(options, static_cast<double>(targets.rows()) * static_cast<double>(targets.cols())),
      target_powers_(kernel.values.size()) {
  check_finite(targets, "the targets");
  projected_ = project(kernel, targets);
  for (Index k = 0; k < projected_.cols(); ++k)
    for (Index j = 0; j < projected_.rows(); ++j)
      target_powers_[static_cast<std::size_t>(j)] += projected_(j, k) * projected_(j, k);
}

double TrainingDynamics::largest_stable_rate() const {
  return law_.largest_stable_rate(kernel_.values.back());
}

std::vector<double> TrainingDynamics::coefficient_weights(double t) const {
  law_.check_time(t, kernel_.values.back());
  if (std::isinf(t)) return inverted(kernel_.values, law_.options().ridge);
  std::vector<double> weights(kernel_.values.size());
  for (std::size_t j = 0; j < weights.size(); ++j) weights[j] = law_.weight(kernel_.values[j], t);
  return weights;
}

double TrainingDynamics::loss(double t) const {
  const std::vector<double> weights = coefficient_weights(t);
  double sum = 0;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const double left = 1.0 - kernel_.values[j] * weights[j];
    sum += left * left * target_powers_[j];
  }
  return sum / (2.0 * law_.samples());
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
