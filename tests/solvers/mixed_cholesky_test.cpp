#include "solvers/mixed_cholesky.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "solvers/cholesky.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::solvers {
namespace {

using dist::ProcessGrid;

class MixedCholesky : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  MixedFit fit(const Matrix<double>& a, const Matrix<double>& b, Index block, double ridge,
               Index max_iterations = 60) const {
    return fit_ridge_mixed(distributed(grid_, a, block), distributed(grid_, b, block),
                           {.ridge = {.value = ridge, .relative = false}, .max_iterations = max_iterations});
  }
};

TEST_F(MixedCholesky, AgreesWithDoubleWhateverTheUnit) {
  for (const auto [n, block] : sizes)
    for (const double unit : {1.0, 1e-60, 1e200}) {
      const Matrix<double> a =
          filled(n, n, [unit](GlobalIndex i, GlobalIndex j) { return unit * gram_entry(i, j); });
      const Matrix<double> b =
          filled(n, 10, [](GlobalIndex i, GlobalIndex k) { return k == 4 ? 0.0 : target_entry(i, k); });
      const MixedFit mixed = fit(a, b, block, 0.01 * unit);
      EXPECT_TRUE(mixed.mixed) << mixed.reason;
      EXPECT_EQ(mixed.reason, "");
      EXPECT_LE(mixed.fit.relative_residual, 1e-10);
      EXPECT_GT(mixed.fit.iterations, 0);
      EXPECT_LE(mixed.fit.iterations, 4);
      EXPECT_EQ(mixed.fit.alpha(0, 4), 0);
      const Matrix<double> expected = lapack_solve(a, 0.01 * unit, b);
      EXPECT_LT(largest_difference(mixed.fit.alpha, expected) * unit, 1e-8);
    }
}

TEST_F(MixedCholesky, ConjugateGradientsReachWhatRefinementAloneDoesNot) {
  const GlobalIndex n =
      150;  // a condition number of about 1e7: float32 keeps little of the small eigenvalues
  const Matrix<double> a = filled(n, n, [](GlobalIndex i, GlobalIndex j) {
    const double distance = 0.3 * (point(i) - point(j));
    return std::exp(-distance * distance);
  });
  const Matrix<double> b = filled(n, 3, &target_entry);
  const MixedFit mixed = fit(a, b, 16, 1e-6);
  EXPECT_TRUE(mixed.mixed) << mixed.reason;
  EXPECT_LE(mixed.fit.relative_residual, 1e-10);
  const MixedFit direct = fit(a, b, 16, 1e-6, 0);
  EXPECT_FALSE(direct.mixed);
  EXPECT_NE(direct.reason.find("0 refinement steps"), std::string::npos) << direct.reason;
  EXPECT_LT(direct.fit.relative_residual, 1e-9);
  double scale = 0;
  for (Index i = 0; i < n; ++i) scale = std::max(scale, std::abs(direct.fit.alpha(i, 0)));
  EXPECT_LT(largest_difference(mixed.fit.alpha, direct.fit.alpha), 1e-3 * scale);
}

TEST_F(MixedCholesky, FallsBackWhereFloatIsNotEnough) {
  const GlobalIndex n = 65;
  const Matrix<double> b = filled(n, 2, &target_entry);
  // Second differences of a dominant constant: below float32's last digit, and positive definite in double.
  const Matrix<double> a =
      filled(n, n, [](GlobalIndex i, GlobalIndex j) { return 1.0 + (i == j ? 1e-9 : 0.0); });
  const MixedFit fallen = fit(a, b, 8, 0.0);
  EXPECT_FALSE(fallen.mixed);
  EXPECT_NE(fallen.reason.find("minor"), std::string::npos) << fallen.reason;
  EXPECT_EQ(fallen.fit.iterations, 0);
  EXPECT_LT(fallen.fit.relative_residual, 1e-5);
}

TEST_F(MixedCholesky, AnEntryFarAboveTheDiagonalIsLeftToDouble) {
  // Over the mean diagonal it overflows float32; no positive definite matrix has such an entry.
  Matrix<double> a = filled(10, 10, [](GlobalIndex i, GlobalIndex j) { return i == j ? 1e-40 : 0.0; });
  a(0, 1) = a(1, 0) = 1.0;
  try {
    fit(a, filled(10, 2, &target_entry), 4, 0.0);
    ADD_FAILURE();
  } catch (const NotPositiveDefinite& e) {
    EXPECT_EQ(e.minor(), 2);
  }
}

TEST_F(MixedCholesky, ASingularMatrixEndsWithDoublesError) {
  try {
    fit(gram_with_duplicates(23), filled(23, 2, &target_entry), 4, 0.0);
    ADD_FAILURE();
  } catch (const NotPositiveDefinite& e) {
    EXPECT_NE(std::string(e.what()).find("ridge_absolute = "), std::string::npos) << e.what();
  }
}

TEST_F(MixedCholesky, NotANumberIsNamed) {
  Matrix<double> b = filled(23, 2, &target_entry);
  b(7, 1) = std::numeric_limits<double>::quiet_NaN();
  try {
    fit(filled(23, 23, &gram_entry), b, 4, 0.1);
    ADD_FAILURE();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_NE(std::string(e.what()).find("entry (7, 1)"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace widegram::solvers
