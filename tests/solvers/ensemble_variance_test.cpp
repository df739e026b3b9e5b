#include "solvers/ensemble_variance.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "solvers/dynamics.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/stored_operator.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

constexpr Index tests_count = 11;
constexpr double ridge = 0.02;

double place(GlobalIndex t) { return 0.7 * static_cast<double>(t); }

/// Two kernels on the points, the one that trains and the one of the initialisation.
double nngp_entry(double x, double z) { return std::exp(-0.5 * std::abs(x - z)); }
double ntk_entry(double x, double z) { return 2.0 * std::exp(-0.3 * std::abs(x - z)) + nngp_entry(x, z); }

void fill(Range tests, DistributedMatrix<double>& ntk, DistributedMatrix<double>& nngp) {
  for (LocalIndex j = 0; j < ntk.local_cols(); ++j)
    for (LocalIndex i = 0; i < ntk.local_rows(); ++i) {
      const double x = point(ntk.global_row(i));
      const double z = place(tests.begin + ntk.global_col(j));
      ntk.local()(i, j) = ntk_entry(x, z);
      nngp.local()(i, j) = nngp_entry(x, z);
    }
}

TEST(EnsembleVariance, IsTheDiagonalOfTheEnsemblesCovarianceAtTheEndOfTraining) {
  const auto grid = dist::ProcessGrid::square(mpi::Communicator::world());
  const std::vector<double> prior(tests_count, 1.0);
  for (const auto [n, block] : sizes) {
    const auto pairs = [](auto&& kernel) {
      return [kernel](GlobalIndex i, GlobalIndex j) { return kernel(point(i), point(j)); };
    };
    const Matrix<double> ntk = filled(n, n, pairs(&ntk_entry));
    const auto nngp = distributed(grid, filled(n, n, pairs(&nngp_entry)), block);
    const auto crossed = [&, n = n, block = block](auto&& kernel) {
      return distributed(
          grid,
          filled(n, tests_count, [&](GlobalIndex i, GlobalIndex t) { return kernel(point(i), place(t)); }),
          block);
    };
    const auto among_tests =
        distributed(grid,
                    filled(tests_count, tests_count,
                           [](GlobalIndex i, GlobalIndex j) { return nngp_entry(place(i), place(j)); }),
                    block);
    const Eigendecomposition eigen = eigendecompose(distributed(grid, ntk, block));
    const TrainingDynamics dynamics(eigen, distributed(grid, filled(n, 1, &target_entry), block),
                                    {.ridge = ridge});
    const Matrix<double> covariance =
        dist::gather(ensemble_covariance(dynamics, std::numeric_limits<double>::infinity(), nngp,
                                         crossed(&ntk_entry), crossed(&nngp_entry), among_tests));
    std::vector<double> expected;
    for (Index t = 0; t < tests_count; ++t) expected.push_back(std::max(0.0, covariance(t, t)));

    const dist::StoredOperator nngp_operator(nngp);
    const Cholesky factor(distributed(grid, ntk, block), ridge);
    const auto stored = distributed(grid, ntk, block);
    const dist::StoredOperator ntk_operator(stored);
    CgSolver solver(ntk_operator, ridge, {.tolerance = 1e-12});
    for (const Index stretch : {1, 4, 64}) {
      EXPECT_LT(largest_of(ensemble_variance(factor, nngp_operator, prior, &fill, stretch), expected), 1e-11);
      EXPECT_LT(
          largest_of(ensemble_variance(solver, grid, block, nngp_operator, prior, &fill, stretch).variance,
                     expected),
          1e-9);
    }
  }
}

}  // namespace
}  // namespace widegram::solvers
