#include "solvers/ridge_solutions.hpp"

#include <numeric>
#include <utility>

#include "solvers/checks.hpp"
#include "solvers/cholesky.hpp"
#include "solvers/spectrum.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;
using Visit = std::function<void(const RidgeSolution&)>;

/// tr A (A + s I)^-1 = n - s tr (A + s I)^-1.
double dimension_from_inverse(double ridge, const std::vector<double>& inverse_diagonal) {
  const double trace = std::accumulate(inverse_diagonal.begin(), inverse_diagonal.end(), 0.0);
  return static_cast<double>(inverse_diagonal.size()) - ridge * trace;
}

/// One factorisation for each ridge, all in the memory of a.
void by_cholesky(DistributedMatrix<double> a, const DistributedMatrix<double>& targets,
                 std::span<const double> ridges, const RidgeSolutionOptions& options, const Visit& visit) {
  Index done = 0;
  for (const double ridge : ridges) {
    Cholesky factor(std::move(a), ridge);
    const DistributedMatrix<double> alpha = factor.solve(targets);
    RidgeSolution solution{
        .ridge = ridge, .alpha = alpha, .inverse_diagonal = {}, .log_determinant = factor.log_determinant()};
    if (options.inverse_diagonals) {
      Cholesky::InverseDiagonal inverse = std::move(factor).inverse_diagonal();
      a = std::move(inverse.a);
      solution.inverse_diagonal = std::move(inverse.values);
      solution.effective_dimension = dimension_from_inverse(ridge, solution.inverse_diagonal);
    } else {
      a = std::move(factor).release();
    }
    visit(solution);
    if (options.observer) options.observer(++done, static_cast<Index>(ridges.size()));
  }
}

}  // namespace

RidgeMethod cheaper_ridge_method(Index ridges, bool inverse_diagonals) {
  const double cost_of_one = (inverse_diagonals ? 2.0 : 1.0) / 3.0;
  return static_cast<double>(ridges) * cost_of_one <= eigen_cost ? RidgeMethod::cholesky : RidgeMethod::eigen;
}

void for_each_ridge(const Eigendecomposition& eigen, const DistributedMatrix<double>& targets,
                    std::span<const double> ridges, const RidgeSolutionOptions& options, const Visit& visit) {
  check_finite(targets, "the targets");
  const Matrix<double> projected = project(eigen, targets);
  Index done = 0;
  for (const double ridge : ridges) {
    const std::vector<double> inverse = inverted(eigen.values, ridge);
    const DistributedMatrix<double> alpha = expand(eigen, inverse, projected.view());
    RidgeSolution solution{.ridge = ridge,
                           .alpha = alpha,
                           .inverse_diagonal = {},
                           .log_determinant = log_determinant(eigen.values, ridge),
                           .effective_dimension = effective_dimensions(eigen.values, {&ridge, 1}).front()};
    if (options.inverse_diagonals) solution.inverse_diagonal = diagonal_of_function(eigen, inverse);
    visit(solution);
    if (options.observer) options.observer(++done, static_cast<Index>(ridges.size()));
  }
}

void for_each_ridge(RidgeMethod method, DistributedMatrix<double> a, const DistributedMatrix<double>& targets,
                    std::span<const double> ridges, const RidgeSolutionOptions& options, const Visit& visit) {
  check_finite(targets, "the targets");
  for (const double ridge : ridges) check_ridge(ridge);
  if (options.observer) options.observer(0, static_cast<Index>(ridges.size()));
  if (method == RidgeMethod::cholesky)
    by_cholesky(std::move(a), targets, ridges, options, visit);
  else
    for_each_ridge(eigendecompose(std::move(a)), targets, ridges, options, visit);
}

}  // namespace widegram::solvers
