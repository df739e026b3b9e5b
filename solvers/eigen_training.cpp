#include "solvers/eigen_training.hpp"

#include <utility>

#include "src/dist/redistribute.hpp"
#include "src/dist/scalapack.hpp"
#include "src/dist/submatrix.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

/// Rows of `part` at their places among those of `whole`.
void place(const Matrix<double>& part, const std::vector<GlobalIndex>& rows, Matrix<double>& whole) {
  for (Index k = 0; k < part.cols(); ++k)
    for (Index i = 0; i < part.rows(); ++i) whole(rows[static_cast<std::size_t>(i)], k) = part(i, k);
}

}  // namespace

EigenTraining::EigenTraining(DistributedMatrix<double> gram, const DistributedMatrix<double>& targets,
                             const std::optional<HoldOutSplit>& split, const TrainingOptions& options)
    : n_(gram.rows()) {
  std::optional<DistributedMatrix<double>> fitted_targets;
  if (split) {
    fitted_ = split->fitted;
    held_out_ = split->held_out;
    cross_ = dist::submatrix(gram, fitted_, held_out_);
    fitted_targets = dist::submatrix(targets, fitted_, in_order(targets.cols()));
    gram = dist::submatrix(gram, fitted_, fitted_);
  } else {
    fitted_ = in_order(n_);
  }
  const DistributedMatrix<double>& y = fitted_targets ? *fitted_targets : targets;
  eigen_ = std::make_unique<Eigendecomposition>(eigendecompose(std::move(gram)));
  const double samples = static_cast<double>(y.rows()) * static_cast<double>(y.cols());
  const double rate = options.rate.value_or(default_rate(largest_eigenvalue(), options.ridge, samples));
  dynamics_.emplace(*eigen_, y,
                    DynamicsOptions{.descent = options.descent, .rate = rate, .ridge = options.ridge});
  law().check_stable(largest_eigenvalue());
}

Matrix<double> EigenTraining::coefficients(double t) const {
  const Matrix<double> fitted = dist::gather(dynamics_->coefficients(t));
  Matrix<double> whole(n_, fitted.cols());
  place(fitted, fitted_, whole);
  return whole;
}

Matrix<double> EigenTraining::outputs(double t) const {
  const Matrix<double> fitted = dist::gather(dynamics_->outputs(t));
  Matrix<double> whole(n_, fitted.cols());
  place(fitted, fitted_, whole);
  if (cross_) {
    DistributedMatrix<double> predicted(cross_->grid(), cross_->cols(), fitted.cols(), cross_->block());
    dist::gemm(dist::Transpose::yes, *cross_, dynamics_->coefficients(t), predicted);
    place(dist::gather(predicted), held_out_, whole);
  }
  return whole;
}

Matrix<double> EigenTraining::weighted(double t, const DistributedMatrix<double>& b) const {
  const std::vector<double> weights = dynamics_->coefficient_weights(t);
  if (!cross_) return dist::gather(apply_function(*eigen_, weights, b));
  const DistributedMatrix<double> fitted = dist::submatrix(b, fitted_, in_order(b.cols()));
  Matrix<double> whole(n_, b.cols());
  place(dist::gather(apply_function(*eigen_, weights, fitted)), fitted_, whole);
  return whole;
}

}  // namespace widegram::solvers
