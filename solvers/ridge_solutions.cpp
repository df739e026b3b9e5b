#include "solvers/ridge_solutions.hpp"

#include <fmt/format.h>

#include <numeric>
#include <optional>
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

/// Ridges on their way: how many are done, and those that do not work out.
class Progress {
 public:
  Progress(const RidgeSolutionOptions& options, std::span<const double> ridges)
      : options_(options), total_(std::ssize(ridges)) {}

  void done() {
    if (options_.observer) options_.observer(++done_, total_);
  }
  /// Where the ridge's error is caught: throws it again unless others may do better.
  void failed(double ridge, const mpi::CollectiveError& error) {
    if (!options_.failed || error.code() != ExitCode::numerical) throw;
    if (++failed_ == total_)
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format("none of the {} ridges of the list is large enough: {}", total_, error.what()));
    options_.failed(ridge);
    done();
  }

 private:
  const RidgeSolutionOptions& options_;
  Index total_;
  Index done_ = 0;
  Index failed_ = 0;
};

/// One factorisation for each ridge, all in the memory of a.
void by_cholesky(DistributedMatrix<double> a, const DistributedMatrix<double>& targets,
                 std::span<const double> ridges, const RidgeSolutionOptions& options, const Visit& visit) {
  Progress progress(options, ridges);
  for (const double ridge : ridges) {
    std::optional<Cholesky> attempt;
    try {
      attempt.emplace(std::move(a), ridge);
    } catch (const NotPositiveDefinite& error) {
      progress.failed(ridge, error);
      a = std::move(error.matrix());
      continue;
    }
    Cholesky& factor = *attempt;
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
    progress.done();
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
  Progress progress(options, ridges);
  for (const double ridge : ridges) {
    std::vector<double> inverse;
    try {
      inverse = inverted(eigen.values, ridge);
    } catch (const mpi::CollectiveError& error) {
      progress.failed(ridge, error);
      continue;
    }
    const DistributedMatrix<double> alpha = expand(eigen, inverse, projected.view());
    RidgeSolution solution{.ridge = ridge,
                           .alpha = alpha,
                           .inverse_diagonal = {},
                           .log_determinant = log_determinant(eigen.values, ridge),
                           .effective_dimension = effective_dimensions(eigen.values, {&ridge, 1}).front()};
    if (options.inverse_diagonals) solution.inverse_diagonal = diagonal_of_function(eigen, inverse);
    visit(solution);
    progress.done();
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
