#include "solvers/gaussian_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "solvers/columns.hpp"
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
  for (Index begin = 0; begin < m; begin += stretch) {
    const Range tests{begin, std::min(m, begin + stretch)};
    DistributedMatrix<double> here(grid, n, tests.size(), block);
    cross(tests, here);
    const std::vector<double> less = explained(here);
    for (std::size_t i = 0; i < less.size(); ++i) {
      double& value = variance[static_cast<std::size_t>(begin) + i];
      value = std::max(0.0, value - less[i]);
    }
  }
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
