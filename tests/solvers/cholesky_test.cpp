#include "solvers/cholesky.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "solvers/extreme_eigenvalues.hpp"
#include "solvers/regression.hpp"
#include "src/dist/stored_operator.hpp"
#include "tests/solvers/support.hpp"

namespace widegram::solvers {
namespace {

using dist::gather;
using dist::ProcessGrid;

class CholeskyTest : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  /// The error that factoring A + ridge I ends with, the same on all ranks.
  NotPositiveDefinite failure(const Matrix<double>& a, double ridge, Index block) const {
    try {
      Cholesky(distributed(grid_, a, block), ridge);
    } catch (const NotPositiveDefinite& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("minor of order " + std::to_string(e.minor())), std::string::npos)
          << e.what();
      EXPECT_EQ(grid_.comm().max(e.suggested_ridge()), grid_.comm().min(e.suggested_ridge()));
      EXPECT_EQ(largest_difference(gather(e.matrix()), a), 0) << "the matrix comes back";
      return e;
    }
    ADD_FAILURE() << "a matrix that is not positive definite was factored";
    return {"", 0, 0, 0, distributed(grid_, a, block)};
  }
  void expect_suggestion_works(const Matrix<double>& a, const NotPositiveDefinite& e, Index block) const {
    EXPECT_NO_THROW(Cholesky(distributed(grid_, a, block), e.suggested_ridge())) << e.what();
  }
};

TEST_F(CholeskyTest, AgreesWithLapack) {
  for (const auto [n, block] : sizes)
    for (const Index k : {1, 10}) {
      const Matrix<double> a = filled(n, n, &gram_entry);
      const Matrix<double> b = filled(n, k, &target_entry);
      const auto b_here = distributed(grid_, b, block);
      Cholesky factor(distributed(grid_, a, block), 0.01);
      const auto x = factor.solve(b_here);
      EXPECT_LT(largest_difference(gather(x), lapack_solve(a, 0.01, b)), 1e-11);
      const auto residuals = factor.relative_residuals(b_here, x);
      ASSERT_EQ(static_cast<Index>(residuals.size()), k);
      for (const double residual : residuals) EXPECT_LT(residual, 1e-14 * static_cast<double>(n + 10));
    }
}

TEST_F(CholeskyTest, ProductsAndResidualsAreThoseOfTheMatrixItself) {
  for (const auto [n, block] : sizes) {
    const Matrix<double> x = filled(n, 3, &target_entry);
    const auto x_here = distributed(grid_, x, block);
    Cholesky factor(distributed(grid_, filled(n, n, &gram_entry), block), 0.5);
    const Matrix<double> expected = filled(n, 3, [n = n](GlobalIndex i, GlobalIndex k) {
      double sum = 0;
      for (GlobalIndex j = 0; j < n; ++j) sum += gram_entry(i, j) * target_entry(j, k);
      return sum;
    });
    EXPECT_LT(largest_difference(gather(factor.multiply(x_here)), expected), 1e-13);
    EXPECT_LT(largest_difference(gather(factor.multiply(x_here)), expected), 1e-13) << "the second time";
    // A wrong answer is seen as one: B = (A + ridge I) X, judged by 2 X, leaves B.
    auto b = factor.multiply(x_here);
    auto twice = distributed(grid_, x, block);
    for (LocalIndex j = 0; j < b.local_cols(); ++j)
      for (LocalIndex i = 0; i < b.local_rows(); ++i) {
        b.local()(i, j) += 0.5 * x_here.local()(i, j);
        twice.local()(i, j) *= 2;
      }
    for (const double residual : factor.relative_residuals(b, twice)) EXPECT_NEAR(residual, 1.0, 1e-13);
  }
}

TEST_F(CholeskyTest, AnIndefiniteMatrixFailsAtLapacksMinorAndTheSuggestedRidgeHelps) {
  for (const auto [n, block] : sizes)
    for (const GlobalIndex bad : {GlobalIndex{0}, n / 2, n - 1}) {
      const Matrix<double> a = filled(n, n, [bad](GlobalIndex i, GlobalIndex j) {
        return gram_entry(i, j) - (i == j && i == bad ? 2.0 : 0.0);
      });
      Matrix<double> reference = a;
      const int minor = lapack_factor(reference, 1e-6);
      ASSERT_EQ(minor, bad + 1);
      const NotPositiveDefinite e = failure(a, 1e-6, block);
      EXPECT_EQ(e.minor(), minor);
      EXPECT_EQ(e.ridge(), 1e-6);
      EXPECT_GT(e.suggested_ridge(), 0.5);
      EXPECT_LT(e.suggested_ridge(), 2.0);
      expect_suggestion_works(a, e, block);
      Matrix<double> too_little = a;
      EXPECT_NE(lapack_factor(too_little, 0.85 * e.suggested_ridge()), 0)
          << "the suggestion is far above the least";
    }
}

TEST_F(CholeskyTest, DuplicateSamplesWithoutRidgeAreFoundWhateverRoundingSays) {
  for (const auto [n, block] : sizes) {
    if (n < 4) continue;
    const GlobalIndex copy = 2 * n / 3;
    const auto original = [copy](GlobalIndex i) { return i == copy ? 1 : i; };
    const Matrix<double> a = filled(n, n, [&](GlobalIndex i, GlobalIndex j) {
      return std::exp(-0.5 * std::abs(point(original(i)) - point(original(j))));
    });
    const NotPositiveDefinite e = failure(a, 0.0, block);
    EXPECT_EQ(e.minor(), copy + 1);
    EXPECT_GT(e.suggested_ridge(), 0);
    EXPECT_LT(e.suggested_ridge(), 1e-9);
    expect_suggestion_works(a, e, block);
  }
}

TEST_F(CholeskyTest, ASmoothKernelWithoutRidgeGetsASuggestionThatWorks) {
  const GlobalIndex n = 200;
  const Matrix<double> a = filled(n, n, [](GlobalIndex i, GlobalIndex j) {
    const double distance = 0.02 * (point(i) - point(j));
    return std::exp(-distance * distance);
  });
  const NotPositiveDefinite e = failure(a, 0.0, 16);
  EXPECT_LT(e.suggested_ridge(), 1e-8);
  expect_suggestion_works(a, e, 16);
}

TEST_F(CholeskyTest, SinglePrecisionNoiseGetsASuggestionNearItsSize) {
  const GlobalIndex n = 400;
  const Matrix<double> a = filled(n, n, [](GlobalIndex i, GlobalIndex j) {
    const double distance = 0.01 * (point(i) - point(j));
    return static_cast<double>(static_cast<float>(std::exp(-distance * distance)));
  });
  const NotPositiveDefinite e = failure(a, 0.0, 32);
  EXPECT_GT(e.suggested_ridge(), 1e-8);
  EXPECT_LT(e.suggested_ridge(), 1e-5);
  expect_suggestion_works(a, e, 32);
}

TEST_F(CholeskyTest, AnEntryThatIsNotFiniteIsNamed) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Matrix<double> a = filled(23, 23, &gram_entry);
    a(17, 5) = a(5, 17) = bad;
    try {
      fit_ridge(distributed(grid_, a, 4), distributed(grid_, filled(23, 1, &target_entry), 4));
      FAIL();
    } catch (const mpi::CollectiveError& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      EXPECT_NE(std::string(e.what()).find("entry (17, 5)"), std::string::npos) << e.what();
    }
  }
}

TEST_F(CholeskyTest, ARidgeBelowZeroIsRefused) {
  try {
    Cholesky(distributed(grid_, filled(4, 4, &gram_entry), 4), -1.0);
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::usage);
  }
}

TEST_F(CholeskyTest, LanczosFindsBothEndsOfAKnownSpectrum) {
  const GlobalIndex n = 65;  // second differences: eigenvalues 2 - 2 cos(pi k / (n + 1))
  const Matrix<double> a = filled(n, n, [](GlobalIndex i, GlobalIndex j) {
    return i == j ? 2.0 : std::abs(i - j) == 1 ? -1.0 : 0.0;
  });
  const auto a_here = distributed(grid_, a, 8);
  const ExtremeEigenvalues ends = extreme_eigenvalues(dist::StoredOperator(a_here));
  const double angle = std::acos(-1.0) / static_cast<double>(n + 1);
  const double smallest = 2 - 2 * std::cos(angle);
  EXPECT_GE(ends.smallest, smallest - 1e-12);
  EXPECT_LE(ends.smallest, 1.02 * smallest);
  EXPECT_NEAR(ends.largest, 2 + 2 * std::cos(angle), 1e-3);
  const auto ones =
      distributed(grid_, filled(n, n, [](GlobalIndex i, GlobalIndex j) { return i == j ? 1.0 : 0.0; }), 8);
  const ExtremeEigenvalues unit = extreme_eigenvalues(dist::StoredOperator(ones));
  EXPECT_NEAR(unit.smallest, 1.0, 1e-14);
  EXPECT_LE(unit.steps, 2) << "an invariant subspace ends the search";
}

}  // namespace
}  // namespace widegram::solvers
