#include "solvers/gaussian_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "solvers/columns.hpp"
#include "solvers/stretches.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

/// Prior variances less what `explained` finds for each stretch of test samples.
template <class F>
std::vector<double> in_stretches(const dist::ProcessGrid& grid, GlobalIndex n, Index block,
                                 std::span<const double> prior, const CrossBlock& cross, Index stretch,
                                 F&& explained) {
  constexpr Index blocks_a_column = 4;
  if (stretch == 0) stretch = blocks_a_column * block * grid.cols();
  const auto m = static_cast<Index>(prior.size());
  std::vector<double> variance(prior.begin(), prior.end());
  for_each_range(m, stretch, [&](Range tests) {
    DistributedMatrix<double> here(grid, n, tests.size(), block);
    cross(tests, here);
    const std::vector<double> less = explained(here);
    for (std::size_t i = 0; i < less.size(); ++i) {
      double& value = variance[static_cast<std::size_t>(tests.begin) + i];
      value = std::max(0.0, value - less[i]);
    }
  });
  return variance;
}

}  // namespace

std::vector<double> posterior_variance(const Cholesky& factor, std::span<const double> prior,
                                       const CrossBlock& cross, Index stretch) {
  return in_stretches(factor.grid(), factor.size(), factor.block(), prior, cross, stretch,
                      [&](DistributedMatrix<double>& here) {
                        factor.solve_lower(here);
                        return column_squares(here);
                      });
}

std::vector<double> posterior_variance(const Eigendecomposition& eigen, double ridge,
                                       std::span<const double> prior, const CrossBlock& cross,
                                       Index stretch) {
  const std::vector<double> inverse = inverted(eigen.values, ridge);
  return in_stretches(eigen.vectors.grid(), eigen.size(), eigen.vectors.block(), prior, cross, stretch,
                      [&](DistributedMatrix<double>& here) {
                        return column_squares(project_distributed(eigen, here), inverse);
                      });
}

CgVariance posterior_variance(CgSolver& solver, const dist::ProcessGrid& grid, Index block,
                              std::span<const double> prior, const CrossBlock& cross, Index stretch,
                              const CgHooks& hooks) {
  const dist::LinearOperator& gram = solver.gram();
  CgVariance result;
  CgHooks here = hooks;
  here.column_name = "test sample";
  here.first_column = 0;
  result.variance = in_stretches(
      grid, gram.size(), block, prior, cross, stretch, [&](const DistributedMatrix<double>& crossing) {
        std::vector<double> explained;
        for_each_range(crossing.cols(), most_columns_at_once, [&](Range columns) {
          Matrix<double> c = part_of(crossing, gram.layout(), columns);
          Matrix<double> x(c.rows(), c.cols());
          const CgSolver::Solved solved = solver.solve(c.view(), x.view(), here);
          result.iterations += solved.iterations;
          result.relative_residual = std::max(result.relative_residual, solved.relative_residual);
          Matrix<double> image(c.rows(), c.cols());
          solver.apply(x.view(), image.view());
          for (Index k = 0; k < c.cols(); ++k)
            for (Index i = 0; i < c.rows(); ++i) c(i, k) = 2.0 * c(i, k) - image(i, k);  // c + r
          const std::vector<double> products = column_products(gram.comm(), x.view(), c.view());
          explained.insert(explained.end(), products.begin(), products.end());
          here.first_column += columns.size();
        });
        return explained;
      });
  return result;
}

double negative_log_predictive_density(MatrixView<const double> targets, MatrixView<const double> mean,
                                       std::span<const double> variance, double noise) {
  double sum = 0;
  for (Index i = 0; i < targets.rows; ++i) {
    const double v = variance[static_cast<std::size_t>(i)] + noise;
    if (!(v > 0))
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format("test sample {} (counted from 0) has a predictive variance of {:.3g}: it repeats a "
                      "training sample, and without noise its density is infinite; give a ridge above zero",
                      i, v));
    for (Index k = 0; k < targets.cols; ++k) {
      const double miss = targets(i, k) - mean(i, k);
      sum += 0.5 * (std::log(2.0 * std::numbers::pi * v) + miss * miss / v);
    }
  }
  return sum / static_cast<double>(targets.rows * targets.cols);
}

}  // namespace widegram::solvers
