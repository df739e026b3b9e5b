#include "solvers/scores.hpp"

#include <cstddef>

namespace widegram::solvers {

double mean_square(MatrixView<const double> a) {
  double sum = 0;
  for (Index j = 0; j < a.cols; ++j)
    for (Index i = 0; i < a.rows; ++i) sum += a(i, j) * a(i, j);
  return sum / static_cast<double>(a.rows * a.cols);
}

double accuracy_from_residuals(MatrixView<const double> targets, MatrixView<const double> residuals) {
  Index right = 0;
  for (Index i = 0; i < targets.rows; ++i) {
    Index truth = 0;
    Index guess = 0;
    for (Index j = 1; j < targets.cols; ++j) {
      if (targets(i, j) > targets(i, truth)) truth = j;
      if (targets(i, j) - residuals(i, j) > targets(i, guess) - residuals(i, guess)) guess = j;
    }
    if (truth == guess) ++right;
  }
  return static_cast<double>(right) / static_cast<double>(targets.rows);
}

std::size_t best_ridge(std::span<const double> losses, std::span<const double> ridges) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < losses.size(); ++i)
    if (losses[i] < losses[best] || (losses[i] == losses[best] && ridges[i] > ridges[best])) best = i;
  return best;
}

}  // namespace widegram::solvers
