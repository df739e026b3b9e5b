#include "solvers/regression.hpp"

#include <gtest/gtest.h>
#include <petscsys.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "solvers/cg.hpp"
#include "src/dist/stored_operator.hpp"
#include "src/mpi/petsc.hpp"
#include "tests/solvers/support.hpp"
#include "tests/support/messages.hpp"

namespace widegram::solvers {
namespace {

using dist::ProcessGrid;

class Regression : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  RegressionFit conjugate_gradients(GlobalIndex n, Index block, Index targets, const CgOptions& options,
                                    const CgHooks& hooks = {}) const {
    return solve_cg(distributed(grid_, filled(n, n, &gram_entry), block), {.value = 0.1},
                    distributed(grid_, filled(n, targets, &target_entry), block), options, hooks);
  }
};

TEST_F(Regression, TheRidgeIsRelativeToTheMeanDiagonal) {
  for (const auto [n, block] : sizes) {
    const Matrix<double> a = filled(n, n, &gram_entry);  // diagonal 1.1
    const Matrix<double> b = filled(n, 10, &target_entry);
    std::vector<Index> heard;
    Index all = 0;
    const RidgeOptions options{.ridge = {.value = 0.2}, .observer = [&](Index done, Index total) {
                                 heard.push_back(done);
                                 all = total;
                               }};
    const RegressionFit fit = fit_ridge(distributed(grid_, a, block), distributed(grid_, b, block), options);
    EXPECT_NEAR(fit.ridge, 0.22, 1e-14);
    EXPECT_LT(largest_difference(fit.alpha, lapack_solve(a, 0.22, b)), 1e-11);
    EXPECT_LT(fit.relative_residual, 1e-13);
    EXPECT_GT(fit.seconds.factor, 0);
    EXPECT_EQ(all, n * n * n / 3);
    EXPECT_EQ(heard.front(), 0);
    EXPECT_EQ(heard.back(), all);
    const RidgeOptions plain{.ridge = {.value = 0.22, .relative = false}};
    const RegressionFit again = fit_ridge(distributed(grid_, a, block), distributed(grid_, b, block), plain);
    EXPECT_LT(largest_difference(fit.alpha, again.alpha), 1e-12);
  }
}

TEST_F(Regression, ATargetColumnOfZerosHasAZeroAnswer) {
  const Matrix<double> b =
      filled(23, 2, [](GlobalIndex i, GlobalIndex k) { return k == 0 ? 0.0 : target_entry(i, k); });
  const RegressionFit fit =
      fit_ridge(distributed(grid_, filled(23, 23, &gram_entry), 4), distributed(grid_, b, 4));
  EXPECT_EQ(fit.alpha(11, 0), 0);
  EXPECT_LT(fit.relative_residual, 1e-13);
  const RegressionFit by_cg =
      solve_cg(distributed(grid_, filled(23, 23, &gram_entry), 4), {}, distributed(grid_, b, 4));
  EXPECT_EQ(by_cg.alpha(11, 0), 0);
}

TEST_F(Regression, ColumnsOfAnySizeAreSolvedTogether) {
  const Matrix<double> a = filled(23, 23, &gram_entry);
  const Matrix<double> b = filled(23, 3, &target_entry);
  const double sizes[] = {1.0, 1e-80, 1e90};
  Matrix<double> scaled(23, 3);
  for (Index k = 0; k < 3; ++k)
    for (Index i = 0; i < 23; ++i) scaled(i, k) = sizes[k] * b(i, k);
  const RegressionFit fit = solve_cg(distributed(grid_, a, 4), {.value = 0.1}, distributed(grid_, scaled, 4));
  const Matrix<double> expected = lapack_solve(a, 0.11, b);
  EXPECT_LE(fit.relative_residual, 1e-8);
  for (Index k = 0; k < 3; ++k)
    for (Index i = 0; i < 23; ++i) EXPECT_NEAR(fit.alpha(i, k) / sizes[k], expected(i, k), 1e-7) << k;
}

TEST_F(Regression, ConjugateGradientsAgreeWithCholesky) {
  for (const auto [n, block] : sizes)
    for (const Index k : {1, 10}) {
      const RegressionFit direct =
          fit_ridge(distributed(grid_, filled(n, n, &gram_entry), block),
                    distributed(grid_, filled(n, k, &target_entry), block), {.ridge = {.value = 0.1}});
      const RegressionFit fit =
          conjugate_gradients(n, block, k, {.tolerance = 1e-12, .max_iterations = 1000});
      EXPECT_EQ(fit.ridge, direct.ridge);
      EXPECT_LT(largest_difference(fit.alpha, direct.alpha), 1e-9);
      EXPECT_LT(fit.relative_residual, 2e-12);
      EXPECT_GT(fit.iterations, 0);
      EXPECT_LE(fit.iterations, 2 * n);
    }
}

TEST_F(Regression, ConjugateGradientsTellOfTheWorkWithinAColumn) {
  for (const Index k : {1, 3}) {
    std::vector<Index> heard;
    const auto observer = [&](Index done, Index total) {
      EXPECT_EQ(total, k * cg_steps_a_column);
      heard.push_back(done);
    };
    conjugate_gradients(65, 8, k, {.tolerance = 1e-10, .block_width = 1}, {.observer = observer});
    EXPECT_EQ(heard.front(), 0);
    EXPECT_EQ(heard.back(), k * cg_steps_a_column);
    EXPECT_TRUE(std::ranges::is_sorted(heard));
    const auto within =
        std::ranges::count_if(heard, [](Index done) { return done % cg_steps_a_column != 0; });
    EXPECT_GT(within, 3 * k) << "a word of several iterations of each column";
  }
}

TEST_F(Regression, AnObserverThatFailsComesThroughPetsc) {
  const auto observer = [](Index done, Index) {
    if (done > 0) throw mpi::CollectiveError(ExitCode::stopped, "enough");
  };
  try {
    conjugate_gradients(65, 8, 1, {}, {.observer = observer});
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_STREQ(e.what(), "enough");
  }
}

TEST_F(Regression, OptionsOfPetscPrevail) {
  const RegressionFit tight = conjugate_gradients(65, 8, 1, {.tolerance = 1e-12, .max_iterations = 1000});
  const PetscOption loose("-ksp_rtol", "1e-2");
  const PetscOption jacobi("-pc_type", "jacobi");
  const RegressionFit fit = conjugate_gradients(65, 8, 1, {.tolerance = 1e-12, .max_iterations = 1000});
  EXPECT_LT(fit.iterations, tight.iterations);
  EXPECT_GT(fit.relative_residual, 1e-12);
  EXPECT_LT(fit.relative_residual, 1e-2);
}

TEST_F(Regression, NoConvergenceIsAnErrorThatSaysWhatToTry) {
  try {
    conjugate_gradients(65, 8, 1, {.tolerance = 1e-12, .max_iterations = 2});
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
    EXPECT_NE(std::string(e.what()).find("after 2 iterations"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("max_iterations"), std::string::npos) << e.what();
  }
}

TEST_F(Regression, AnIndefiniteMatrixIsNotTakenForSolved) {
  const Matrix<double> a =
      filled(23, 23, [](GlobalIndex i, GlobalIndex j) { return i == j ? (i % 2 ? 1.0 : -1.0) : 0.0; });
  try {
    solve_cg(distributed(grid_, a, 4), {.value = 0.01, .relative = false},
             distributed(grid_, filled(23, 1, &target_entry), 4));
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
    EXPECT_NE(std::string(e.what()).find("positive definite"), std::string::npos) << e.what();
  }
}

/// Fails in its third product, as an operator that computes its entries may.
class FailingOperator : public dist::LinearOperator {
 public:
  explicit FailingOperator(const dist::LinearOperator& a) : a_(a) {}
  const mpi::Communicator& comm() const override { return a_.comm(); }
  const dist::Partition& layout() const override { return a_.layout(); }
  std::vector<double> diagonal() const override { return a_.diagonal(); }
  Matrix<double> columns(std::span<const GlobalIndex> chosen) const override { return a_.columns(chosen); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    if (++products_ == 3) throw mpi::CollectiveError(ExitCode::data, "the third product fails");
    a_.apply(x, y);
  }

 private:
  const dist::LinearOperator& a_;
  mutable int products_ = 0;
};

TEST_F(Regression, AnErrorInsideAProductComesThroughPetsc) {
  const auto a = distributed(grid_, filled(23, 23, &gram_entry), 4);
  const dist::StoredOperator stored(a);
  const Matrix<double> b = filled(23, 1, &target_entry);
  try {
    solve_cg(FailingOperator(stored), 0.1, b.view());
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::data);
    EXPECT_STREQ(e.what(), "the third product fails");
  }
}

TEST_F(Regression, WhatTheRecurrenceClaimsIsHeldToTheTrueResidual) {
  try {
    conjugate_gradients(40, 4, 1, {.tolerance = 1e-300});
    FAIL() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("true relative residual"), std::string::npos) << error.what();
  }
}

TEST_F(Regression, AnOptionThatPetscRefusesIsTheUsersToMend) {
  const auto refused = [&](const char* name, const char* value, const char* told) {
    const PetscOption option(name, value);
    widegram::test::expect_refused(ExitCode::usage, told, [&] { conjugate_gradients(20, 4, 1, {}); });
  };
  refused("-ksp_type", "nosuch", "nosuch");
  refused("-pc_type", "lu", "LU");
  refused("-ksp_norm_type", "natural", "NATURAL");
  refused("-ksp_monitor_singular_value", ":/dev/null", "-ksp_type cg");
  refused("-ksp_rtol", "nan", "-ksp_rtol");
  refused("-ksp_max_it", "-5", "-ksp_max_it");
}

}  // namespace
}  // namespace widegram::solvers
