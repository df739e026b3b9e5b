#include "solvers/ridge_path.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "solvers/scores.hpp"
#include "src/dist/redistribute.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

/// Scores of solutions, against targets that every rank has as a whole.
class Scorer {
 public:
  Scorer(const DistributedMatrix<double>& targets, bool classes)
      : targets_(dist::gather(targets)), classes_(classes) {}

  RidgePoint score(const RidgeSolution& solution) const {
    const Matrix<double> alpha = dist::gather(solution.alpha);
    double fit = 0;
    for (Index j = 0; j < alpha.cols(); ++j)
      for (Index i = 0; i < alpha.rows(); ++i) fit += alpha(i, j) * targets_(i, j);
    const Matrix<double> residuals = leave_one_out_residuals(solution);
    RidgePoint point{
        .ridge = solution.ridge,
        .loo_mse = mean_square(residuals.view()),
        .log_evidence = log_evidence(fit, solution.log_determinant, targets_.rows(), targets_.cols()),
        .effective_dimension = solution.effective_dimension};
    if (classes_) point.loo_accuracy = accuracy_from_residuals(targets_.view(), residuals.view());
    return point;
  }

 private:
  Matrix<double> targets_;
  bool classes_;
};

/// A ridge that does not work out is the worst of all.
RidgeSolutionOptions tolerant(const RidgePathOptions& options, RidgePath& path) {
  constexpr double endless = std::numeric_limits<double>::infinity();
  return {.observer = options.observer, .failed = [&path](double ridge) {
            path.points.push_back({.ridge = ridge,
                                   .loo_mse = endless,
                                   .log_evidence = -endless,
                                   .effective_dimension = std::numeric_limits<double>::quiet_NaN()});
          }};
}

template <class F>
std::size_t best(std::span<const RidgePoint> points, F&& loss) {
  std::vector<double> losses;
  std::vector<double> ridges;
  for (const RidgePoint& point : points) {
    losses.push_back(loss(point));
    ridges.push_back(point.ridge);
  }
  return best_ridge(losses, ridges);
}

}  // namespace

RidgePath ridge_path(DistributedMatrix<double> a, const DistributedMatrix<double>& targets,
                     std::span<const double> ridges, const RidgePathOptions& options) {
  RidgePath path;
  path.method = options.method.value_or(cheaper_ridge_method(static_cast<Index>(ridges.size()), true));
  const Scorer scorer(targets, options.classes);
  for_each_ridge(path.method, std::move(a), targets, ridges, tolerant(options, path),
                 [&](const RidgeSolution& solution) { path.points.push_back(scorer.score(solution)); });
  return path;
}

RidgePath ridge_path(const Eigendecomposition& eigen, const DistributedMatrix<double>& targets,
                     std::span<const double> ridges, const RidgePathOptions& options) {
  RidgePath path{.points = {}, .method = RidgeMethod::eigen};
  const Scorer scorer(targets, options.classes);
  for_each_ridge(eigen, targets, ridges, tolerant(options, path),
                 [&](const RidgeSolution& solution) { path.points.push_back(scorer.score(solution)); });
  return path;
}

Matrix<double> leave_one_out_residuals(const RidgeSolution& solution) {
  Matrix<double> residuals = dist::gather(solution.alpha);
  for (Index j = 0; j < residuals.cols(); ++j)
    for (Index i = 0; i < residuals.rows(); ++i)
      residuals(i, j) /= solution.inverse_diagonal[static_cast<std::size_t>(i)];
  return residuals;
}

double log_evidence(double fit, double log_determinant, GlobalIndex n, Index columns) {
  const double constant = static_cast<double>(n) * std::log(2.0 * std::numbers::pi);
  return -0.5 * (fit + static_cast<double>(columns) * (log_determinant + constant));
}

std::size_t best_by_loo(std::span<const RidgePoint> points) {
  return best(points, [](const RidgePoint& point) { return point.loo_mse; });
}

std::size_t best_by_evidence(std::span<const RidgePoint> points) {
  return best(points, [](const RidgePoint& point) { return -point.log_evidence; });
}

}  // namespace widegram::solvers
