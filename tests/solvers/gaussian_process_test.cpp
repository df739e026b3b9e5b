#include "solvers/gaussian_process.hpp"

#include <gtest/gtest.h>

#include <numbers>
#include <string>
#include <vector>

#include "solvers/lanczos_quadrature.hpp"
#include "src/dist/stored_operator.hpp"
#include "src/mpi/agree.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;
using dist::ProcessGrid;

constexpr Index tests_count = 11;
constexpr double ridge = 0.05;

/// Test samples lie between the training samples, the first one on one of them.
double cross_entry(GlobalIndex i, GlobalIndex t) {
  const double place = 0.7 * static_cast<double>(t);
  return std::exp(-0.5 * std::abs(point(i) - place));
}

void fill_cross(Range tests, DistributedMatrix<double>& cross) {
  EXPECT_EQ(cross.cols(), tests.size());
  for (LocalIndex j = 0; j < cross.local_cols(); ++j)
    for (LocalIndex i = 0; i < cross.local_rows(); ++i)
      cross.local()(i, j) = cross_entry(cross.global_row(i), tests.begin + cross.global_col(j));
}

class GaussianProcess : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());
};

TEST_F(GaussianProcess, PosteriorVarianceIsLapacksByFactorAndByEigenvectors) {
  const std::vector<double> prior(tests_count, 1.0);
  for (const auto [n, block] : sizes) {
    const Matrix<double> a = filled(n, n, &gram_entry);
    const Matrix<double> cross = filled(n, tests_count, &cross_entry);
    const Matrix<double> solved = lapack_solve(a, ridge, cross);
    std::vector<double> expected = prior;
    for (Index t = 0; t < tests_count; ++t)
      for (Index i = 0; i < n; ++i) expected[static_cast<std::size_t>(t)] -= cross(i, t) * solved(i, t);
    const Cholesky factor(distributed(grid_, a, block), ridge);
    const Eigendecomposition eigen = eigendecompose(distributed(grid_, a, block));
    for (const Index stretch : {0, 1, 4, 64}) {
      EXPECT_LT(largest_of(posterior_variance(factor, prior, &fill_cross, stretch), expected), 1e-12);
      EXPECT_LT(largest_of(posterior_variance(eigen, ridge, prior, &fill_cross, stretch), expected), 1e-12);
    }
    const DenseEigen dense = dense_eigen(a);
    double log_det = 0;
    for (const double value : dense.values) log_det += std::log(value + ridge);
    EXPECT_NEAR(factor.log_determinant(), log_det, 1e-10 * (1 + std::abs(log_det)));
    EXPECT_NEAR(log_determinant(eigen.values, ridge), log_det, 1e-10 * (1 + std::abs(log_det)));
  }
}

TEST_F(GaussianProcess, ConjugateGradientsExplainAsMuchToTheSquareOfTheirTolerance) {
  const std::vector<double> prior(tests_count, 1.0);
  for (const auto [n, block] : sizes) {
    const Matrix<double> a = filled(n, n, &gram_entry);
    const auto stored = distributed(grid_, a, block);
    const dist::StoredOperator matrix(stored);
    const std::vector<double> exact =
        posterior_variance(Cholesky(distributed(grid_, a, block), ridge), prior, &fill_cross, 0);
    for (const PreconditionerKind kind : {PreconditionerKind::none, PreconditionerKind::rpcholesky}) {
      CgSolver solver(matrix, ridge, {.tolerance = 1e-5, .preconditioner = {.kind = kind, .rank = 8}});
      for (const Index stretch : {4, 64}) {
        const CgVariance found = posterior_variance(solver, grid_, block, prior, &fill_cross, stretch);
        EXPECT_LT(largest_of(found.variance, exact), 1e-8);
        EXPECT_GT(found.iterations, 0);
        EXPECT_LE(found.relative_residual, 1e-5);
      }
    }
  }
}

TEST_F(GaussianProcess, ASolveThatDoesNotEndNamesTheTestSample) {
  const auto stored = distributed(grid_, filled(65, 65, &gram_entry), 8);
  const dist::StoredOperator matrix(stored);
  CgSolver solver(matrix, 0.0, {.tolerance = 1e-10, .max_iterations = 1});
  const std::vector<double> prior(tests_count, 1.0);
  const auto late = [](Range tests, DistributedMatrix<double>& cross) {
    if (tests.begin < 8)
      cross.fill(0.0);  // solved at once
    else
      fill_cross(tests, cross);
  };
  try {
    posterior_variance(solver, grid_, 8, prior, late, 4);
    ADD_FAILURE();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
    EXPECT_NE(std::string(e.what()).find("of test sample "), std::string::npos) << e.what();
    EXPECT_EQ(std::string(e.what()).find("of test sample 0"), std::string::npos) << e.what();
  }
}

TEST_F(GaussianProcess, AVarianceThatRoundingMakesNegativeIsZero) {
  const std::vector<double> prior(2, 0.9);  // less than is explained
  const Cholesky factor(distributed(grid_, filled(23, 23, &gram_entry), 4), 1e-9);
  const auto variance = posterior_variance(factor, prior, [](Range, DistributedMatrix<double>& cross) {
    for (LocalIndex j = 0; j < cross.local_cols(); ++j)
      for (LocalIndex i = 0; i < cross.local_rows(); ++i)
        cross.local()(i, j) = gram_entry(cross.global_row(i), cross.global_col(j));
  });
  EXPECT_EQ(variance, std::vector<double>(2, 0.0));
}

TEST_F(GaussianProcess, PredictiveDensityIsTheNormals) {
  const Matrix<double> targets =
      filled(2, 2, [](Index i, Index k) { return static_cast<double>(i + 2 * k); });
  const Matrix<double> mean(2, 2);
  const std::vector<double> variance{0.5, 1.5};
  const double first = std::log(2 * std::numbers::pi) + 0.5 * (0.0 + 4.0);  // variances 1: misses 0 and 2
  const double second = std::log(2 * std::numbers::pi * 2.0) + 0.25 * (1.0 + 9.0);
  EXPECT_NEAR(negative_log_predictive_density(targets.view(), mean.view(), variance, 0.5),
              (first + second) / 4, 1e-14);
  const std::vector<double> none{0.5, 0.0};
  try {
    negative_log_predictive_density(targets.view(), mean.view(), none, 0.0);
    ADD_FAILURE();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_NE(std::string(e.what()).find("test sample 1"), std::string::npos) << e.what();
  }
}

TEST_F(GaussianProcess, QuadratureFindsTheLogDeterminantWithinItsErrorBar) {
  const GlobalIndex n = 150;
  const Matrix<double> a = filled(n, n, &gram_entry);
  double log_det = 0;
  for (const double value : dense_eigen(a).values) log_det += std::log(value + ridge);
  const auto stored = distributed(grid_, a, 16);
  const dist::StoredOperator matrix(stored);
  Index heard = 0;
  const StochasticEstimate found = stochastic_log_determinant(
      matrix, ridge, {.probes = 24, .seed = 1, .observer = [&](Index done, Index) { heard = done; }});
  EXPECT_NEAR(found.value, log_det, 3 * found.standard_error);
  EXPECT_GT(found.standard_error, 0);
  EXPECT_LT(found.standard_error, 0.1 * std::abs(log_det));
  EXPECT_LE(found.lanczos_change, 0.05 * found.standard_error);
  EXPECT_LT(found.steps, n);
  EXPECT_EQ(heard, found.steps);
  EXPECT_EQ(found.probes, 24);
  const StochasticEstimate other = stochastic_log_determinant(matrix, ridge, {.probes = 24, .seed = 2});
  EXPECT_NE(other.value, found.value);
  EXPECT_NEAR(other.value, log_det, 3 * other.standard_error);
}

TEST_F(GaussianProcess, QuadratureIsTheSameOnAnyRankCount) {
  const GlobalIndex n = 65;
  const auto stored = distributed(grid_, filled(n, n, &gram_entry), 8);
  const auto alone = ProcessGrid::square(mpi::Communicator::self());
  const auto stored_alone = distributed(alone, filled(n, n, &gram_entry), 8);
  const auto here = stochastic_log_determinant(dist::StoredOperator(stored), ridge, {.probes = 3});
  const auto there = stochastic_log_determinant(dist::StoredOperator(stored_alone), ridge, {.probes = 3});
  EXPECT_NEAR(here.value, there.value, 1e-10 * std::abs(there.value)) << "the probes are the same";
  EXPECT_EQ(here.steps, there.steps);
}

TEST_F(GaussianProcess, QuadratureIsExactForADiagonalMatrixAndSmallOnes) {
  const GlobalIndex n = 40;  // +-1 vectors see a diagonal exactly; two eigenvalues end Lanczos at two steps
  const auto stored = distributed(
      grid_, filled(n, n, [](GlobalIndex i, GlobalIndex j) { return i != j       ? 0.0
                                                                    : i % 2 == 0 ? 1.0
                                                                                 : 3.0; }),
      8);
  const auto found = stochastic_log_determinant(dist::StoredOperator(stored), 1.0, {.probes = 4});
  EXPECT_NEAR(found.value, 20 * std::log(8.0), 1e-11);
  EXPECT_NEAR(found.standard_error, 0.0, 1e-11);
  EXPECT_EQ(found.lanczos_change, 0.0);
  EXPECT_EQ(found.steps, 2);
  const auto one = distributed(grid_, filled(1, 1, &gram_entry), 4);
  EXPECT_NEAR(stochastic_log_determinant(dist::StoredOperator(one), 0.4, {.probes = 2}).value, std::log(1.5),
              1e-14);
}

TEST_F(GaussianProcess, QuadratureRefusesWhatHasNoLogDeterminant) {
  const auto stored = distributed(
      grid_,
      filled(23, 23, [](GlobalIndex i, GlobalIndex j) { return gram_entry(i, j) - (i == j ? 1.0 : 0.0); }),
      4);
  const dist::StoredOperator matrix(stored);
  const auto code = [&](double added, const QuadratureOptions& options) {
    try {
      stochastic_log_determinant(matrix, added, options);
    } catch (const mpi::CollectiveError& e) {
      return e.code();
    }
    return ExitCode::done;
  };
  EXPECT_EQ(code(0.0, {}), ExitCode::numerical);
  EXPECT_EQ(code(-1.0, {}), ExitCode::usage);
  EXPECT_EQ(code(2.0, {.probes = 1}), ExitCode::usage);
  EXPECT_EQ(code(2.0, {.max_steps = 0}), ExitCode::usage);
  EXPECT_EQ(code(2.0, {}), ExitCode::done);
}

}  // namespace
}  // namespace widegram::solvers
