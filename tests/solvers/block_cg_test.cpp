#include "solvers/block_cg.hpp"

#include <gtest/gtest.h>
#include <petscksp.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "solvers/block_algebra.hpp"
#include "solvers/cg.hpp"
#include "solvers/petsc_operator.hpp"
#include "solvers/petsc_types.hpp"
#include "src/dist/stored_operator.hpp"
#include "tests/solvers/support.hpp"

namespace widegram::solvers {
namespace {

using dist::ProcessGrid;

class BlockCg : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  /// A + 0.1 I on the grid of targets that are the columns of b.
  struct Solved {
    BlockCgResult result;
    Matrix<double> x;  ///< on every rank
  };
  Solved solve(const Matrix<double>& a, const Matrix<double>& b, const BlockCgLimits& limits,
               const BlockCgHooks& hooks = {}) const {
    const auto here = distributed(grid_, a, 8);
    const dist::StoredOperator op(here);
    const BlockSystem system{.comm = grid_.comm().handle(),
                             .multiply = [&](auto x, auto y) { op.apply(x, y); }};
    Matrix<double> x(op.part().size(), b.cols());
    Solved solved{
        .result = block_cg(system, b.view().block(op.part(), {0, b.cols()}), x.view(), limits, hooks),
        .x = dist::gather_parts(grid_.comm(), op.layout(), x.view())};
    return solved;
  }
  std::string failure(const Matrix<double>& a, double ridge, const Matrix<double>& b,
                      const CgOptions& options) const {
    try {
      solve_cg(distributed(grid_, a, 8), {.value = ridge, .relative = false}, distributed(grid_, b, 8),
               options);
    } catch (const mpi::CollectiveError& e) {
      EXPECT_EQ(e.code(), ExitCode::numerical);
      return e.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }
};

/// Eigenvectors are cosines, eigenvalues as given: condition numbers to order.
template <class F>
Matrix<double> with_spectrum(GlobalIndex n, F&& eigenvalue) {
  Matrix<double> basis = filled(n, n, [n](GlobalIndex i, GlobalIndex m) {
    const double angle =
        std::acos(-1.0) * (static_cast<double>(i) + 0.5) * static_cast<double>(m) / static_cast<double>(n);
    return std::cos(angle) * std::sqrt((m == 0 ? 1.0 : 2.0) / static_cast<double>(n));
  });
  return filled(n, n, [&](GlobalIndex i, GlobalIndex j) {
    double sum = 0;
    for (GlobalIndex m = 0; m < n; ++m) sum += basis(i, m) * eigenvalue(m) * basis(j, m);
    return sum;
  });
}

/// Irregular, so that columns are independent.
double rough_entry(GlobalIndex i, GlobalIndex k) {
  return std::sin(static_cast<double>((i + 1) * (i + 3) * (k + 2)) * 0.37) +
         0.1 * std::cos(static_cast<double>(i + k));
}

TEST_F(BlockCg, AgreesWithLapackForAnyNumberOfColumns) {
  for (const auto [n, block] : sizes)
    for (const Index k : {0, 1, 7, 30, 120}) {
      const Matrix<double> a = filled(n, n, &gram_entry);
      const Matrix<double> b = filled(n, k, &rough_entry);
      const Solved solved = solve(a, b, {.tolerance = 1e-12});
      ASSERT_EQ(solved.result.status, BlockCgStatus::converged) << n << " x " << k;
      EXPECT_LT(largest_difference(solved.x, lapack_solve(a, 0.0, b)), 1e-9);
      for (const double residual : solved.result.residuals) EXPECT_LE(residual, 1e-12);
      if (k >= n) {
        EXPECT_LE(solved.result.iterations, 3) << "the columns span everything: one step does it";
      }
    }
}

TEST_F(BlockCg, ABlockTakesFewerIterationsThanItsColumns) {
  const Matrix<double> a =
      with_spectrum(150, [](GlobalIndex m) { return 1.0 / static_cast<double>((m + 1) * (m + 1)); });
  Matrix<double> b = filled(150, 12, &rough_entry);
  const Solved together = solve(a, b, {.tolerance = 1e-10});
  const Solved alone = solve(a, chosen_columns(b.view(), std::vector<Index>{3}), {.tolerance = 1e-10});
  ASSERT_EQ(together.result.status, BlockCgStatus::converged);
  ASSERT_EQ(alone.result.status, BlockCgStatus::converged);
  EXPECT_LT(3 * together.result.iterations, alone.result.iterations);
  EXPECT_EQ(together.result.restarts, 0);
}

TEST_F(BlockCg, ZeroAndDependentAndUnevenColumnsAreSolved) {
  const Matrix<double> a = filled(65, 65, &gram_entry);
  const Matrix<double> b = filled(65, 8, [](GlobalIndex i, GlobalIndex k) {
    switch (k) {
      case 0:
        return 0.0;
      case 1:
        return target_entry(i, 1);
      case 2:
        return target_entry(i, 1);  // a copy
      case 3:
        return 1e-7 * target_entry(i, 2);  // small
      case 4:
        return 1e9 * target_entry(i, 3);  // large
      case 5:
        return target_entry(i, 1) - 3e-7 * target_entry(i, 2);  // dependent
      case 6:
        return target_entry(i, 1) + 1e-9 * rough_entry(i, 6);  // nearly so
      default:
        return i == 5 ? 1.0 : 0.0;
    }
  });
  const Solved solved = solve(a, b, {.tolerance = 1e-11});
  ASSERT_EQ(solved.result.status, BlockCgStatus::converged);
  const Matrix<double> expected = lapack_solve(a, 0.0, b);
  for (Index k = 0; k < 8; ++k) {
    double size = 0;
    double difference = 0;
    for (Index i = 0; i < 65; ++i) {
      size = std::max(size, std::abs(expected(i, k)));
      difference = std::max(difference, std::abs(expected(i, k) - solved.x(i, k)));
    }
    EXPECT_LE(difference, 1e-9 * size) << "column " << k;
  }
}

/// Columns that are done at different times: those without a share in small eigenvalues soon, others late.
TEST_F(BlockCg, AWideBlockWithFewColumnsLeftIsMadeNarrower) {
  const dist::Partition layout{3000, grid_.comm().size(), 1};
  const Range part = layout.range(grid_.comm().rank());
  const Index k = 80;
  const auto eigenvalue = [](GlobalIndex i) { return 1.0 / (1.0 + 0.01 * static_cast<double>(i)); };
  const Matrix<double> b = filled(part.size(), k, [&](GlobalIndex i, GlobalIndex j) {
    return rough_entry(part.begin + i, j) *
           (j < 75 ? std::exp(-0.05 * static_cast<double>(part.begin + i)) : 1.0);
  });
  std::vector<Index> widths;
  const BlockSystem system{.comm = grid_.comm().handle(), .multiply = [&](auto x, auto y) {
                             widths.push_back(x.cols);
                             for (Index j = 0; j < x.cols; ++j)
                               for (Index i = 0; i < x.rows; ++i)
                                 y(i, j) = eigenvalue(part.begin + i) * x(i, j);
                           }};
  Matrix<double> x(part.size(), k);
  BlockCgState last;
  const BlockCgHooks hooks{.save = [&](const BlockCgState& state) { last = state; }, .save_every = 0};
  const BlockCgResult result = block_cg(system, b.view(), x.view(), {.tolerance = 1e-9}, hooks);
  ASSERT_EQ(result.status, BlockCgStatus::converged);
  EXPECT_EQ(result.restarts, 0);
  EXPECT_EQ(widths.front(), k);
  EXPECT_EQ(widths[widths.size() - 2], 32) << "the last one is the true residual's";
  EXPECT_EQ(last.directions.cols(), 32);
  EXPECT_EQ(last.kept.cols(), k - 32);
  for (Index j = 0; j < k; ++j)
    for (Index i = 0; i < part.size(); ++i) EXPECT_NEAR(x(i, j), b(i, j) / eigenvalue(part.begin + i), 1e-6);
  // A state with directions that were set aside serves as well as any.
  const BlockCgResult resumed = block_cg(system, b.view(), x.view(), {.tolerance = 1e-9}, {.initial = &last});
  EXPECT_EQ(resumed.status, BlockCgStatus::converged);
  EXPECT_LE(resumed.iterations, result.iterations + 1);
}

TEST_F(BlockCg, GoesOnFromASavedStateAsIfItHadNotStopped) {
  const Matrix<double> a =
      with_spectrum(150, [](GlobalIndex m) { return 1e-2 + static_cast<double>(m) / 149.0; });
  const Matrix<double> b = filled(150, 2, &rough_entry);
  const BlockCgLimits limits{.tolerance = 1e-9};
  const auto history = [](std::vector<double>& heard) {
    return [&heard](const BlockCgProgress& now) { heard.push_back(now.residuals[1]); };
  };
  std::vector<double> whole_residuals;
  const Solved whole = solve(a, b, limits, {.iteration = history(whole_residuals)});
  ASSERT_EQ(whole.result.status, BlockCgStatus::converged);
  ASSERT_GT(whole.result.iterations, 30);
  std::optional<BlockCgState> state;
  Index asked = 0;
  // One rank alone wants to stop.
  const Solved stopped =
      solve(a, b, limits,
            {.stop = [&] { return ++asked > 15 && grid_.comm().rank() == grid_.comm().size() - 1; },
             .save = [&](const BlockCgState& now) { state = now; }});
  EXPECT_EQ(stopped.result.status, BlockCgStatus::stopped);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->iterations, 15);
  EXPECT_EQ(stopped.result.iterations, 15);
  std::vector<double> residuals;
  const Solved resumed = solve(a, b, limits, {.iteration = history(residuals), .initial = &*state});
  EXPECT_EQ(resumed.result.status, BlockCgStatus::converged);
  EXPECT_LE(std::abs(resumed.result.iterations - whole.result.iterations), 2);
  EXPECT_LT(largest_difference(resumed.x, lapack_solve(a, 0.0, b)), 1e-6);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(residuals[i] / whole_residuals[15 + i], 1.0, 1e-3);
  // Without the directions the method has to begin anew: they are what the state is for.
  residuals.clear();
  const BlockCgState x_alone{
      .iterations = state->iterations, .x = state->x, .directions = {}, .companions = {}, .kept = {}};
  solve(a, b, limits, {.iteration = history(residuals), .initial = &x_alone});
  EXPECT_GT(residuals[12], 2 * whole_residuals[27]);
}

/// A preconditioner that is all but the inverse makes residuals' inner products small differences; those of
/// dependent columns are then rounding of either sign.
TEST_F(BlockCg, DependentColumnsUnderAnAllButExactPreconditioner) {
  constexpr GlobalIndex n = 130;
  const Matrix<double> b = filled(  // ten classes, centred
      n, 10, [](GlobalIndex i, GlobalIndex k) { return (i * i + 3 * i) % 10 == k ? 0.9 : -0.1; });
  const Matrix<double> a = with_spectrum(n, [](GlobalIndex m) { return m == 0 ? 100.0 : 0.3; });
  for (const double ridge : {1e-2, 1e-3, 1e-4, 1e-5, 1e-6}) {
    const RegressionFit fit =
        solve_cg(distributed(grid_, a, 8), {.value = ridge}, distributed(grid_, b, 8),
                 {.preconditioner = {.kind = PreconditionerKind::rpcholesky, .rank = n}});
    EXPECT_LE(fit.relative_residual, 1e-8) << ridge;
    EXPECT_LE(fit.iterations, 5) << ridge;
  }
}

/// Blocks that reach the end of the space, in whole steps or not, end there.
TEST_F(BlockCg, WideBlocksAreDoneWhereTheSpaceIs) {
  for (GlobalIndex n = 40; n < 60; n += 3) {
    const Matrix<double> a = filled(n, n, &gram_entry);
    const Matrix<double> b = filled(n, 2, &rough_entry);
    const Solved solved = solve(a, b, {.tolerance = 1e-11, .width = 12});
    EXPECT_EQ(solved.result.status, BlockCgStatus::converged) << n;
    EXPECT_LE(solved.result.residuals[0], 1e-11) << n;
  }
}

TEST_F(BlockCg, CompanionsTakeIterationsAndLeaveTheAnswer) {
  const Matrix<double> a = with_spectrum(150, [](GlobalIndex m) {
    return m < 12 ? 100.0 * static_cast<double>(m + 1) : 1.0 + 0.1 * static_cast<double>(m);
  });
  const Matrix<double> b = filled(150, 2, &rough_entry);
  const Solved alone = solve(a, b, {.tolerance = 1e-11});
  const Solved joined = solve(a, b, {.tolerance = 1e-11, .width = 16});
  ASSERT_EQ(joined.result.status, BlockCgStatus::converged);
  EXPECT_LT(2 * joined.result.iterations, alone.result.iterations);
  EXPECT_LT(largest_difference(joined.x, lapack_solve(a, 0.0, b)), 1e-9);
  // More than there are rows: one step spans everything.
  EXPECT_LE(solve(a, b, {.tolerance = 1e-11, .width = 1000}).result.iterations, 2);
}

TEST_F(BlockCg, CompanionsGoOnFromASavedState) {
  const Matrix<double> a =
      with_spectrum(150, [](GlobalIndex m) { return 1e-4 + static_cast<double>(m) / 149.0; });
  const Matrix<double> b = filled(150, 1, &rough_entry);
  const BlockCgLimits limits{.tolerance = 1e-10, .width = 4};
  const Solved whole = solve(a, b, limits);
  std::optional<BlockCgState> state;
  Index asked = 0;
  solve(a, b, limits,
        {.stop = [&] { return ++asked > whole.result.iterations / 2; },
         .save = [&](const BlockCgState& now) { state = now; }});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->companions.cols(), 3);
  const Solved resumed = solve(a, b, limits, {.initial = &*state});
  EXPECT_EQ(resumed.result.status, BlockCgStatus::converged);
  EXPECT_LE(std::abs(resumed.result.iterations - whole.result.iterations), 2);
  EXPECT_LT(largest_difference(resumed.x, whole.x), 1e-7);
  // Others in their place would have to find out anew what these have learned.
  state->companions = {};
  EXPECT_GT(solve(a, b, limits, {.initial = &*state}).result.iterations, resumed.result.iterations + 2);
}

TEST_F(BlockCg, SavesInTimeAndWhereItEndsWithoutAnAnswer) {
  const Matrix<double> a = filled(65, 65, &gram_entry);
  const Matrix<double> b = filled(65, 2, &rough_entry);
  Index saves = 0;
  BlockCgHooks hooks{.save = [&](const BlockCgState&) { ++saves; }, .save_every = 0};
  EXPECT_EQ(solve(a, b, {.tolerance = 1e-10}, hooks).result.status, BlockCgStatus::converged);
  EXPECT_GT(saves, 5);
  hooks.save_every = 1e9;
  BlockCgState last;
  hooks.save = [&](const BlockCgState& state) { last = state; };
  const Solved cut = solve(a, b, {.tolerance = 1e-12, .max_iterations = 4}, hooks);
  EXPECT_EQ(cut.result.status, BlockCgStatus::max_iterations);
  EXPECT_EQ(last.iterations, 4);
  EXPECT_LT(cut.result.residuals[0], 0.5) << "the last iterate is returned";
  const Solved more = solve(a, b, {.tolerance = 1e-12}, {.initial = &last});
  EXPECT_EQ(more.result.status, BlockCgStatus::converged);
}

TEST_F(BlockCg, SaysHonestlyWhatItCannotDo) {
  const Matrix<double> b = filled(65, 3, &rough_entry);
  const Matrix<double> indefinite = filled(65, 65, [](GlobalIndex i, GlobalIndex j) {
    return gram_entry(i, j) - (i == j && i == 30 ? 3.0 : 0.0);
  });
  EXPECT_EQ(solve(indefinite, b, {}).result.status, BlockCgStatus::indefinite);
  const Matrix<double> good = filled(65, 65, &gram_entry);
  EXPECT_EQ(solve(good, b, {.tolerance = 1e-30}).result.status, BlockCgStatus::stagnated);
  Matrix<double> bad = good;
  bad(3, 4) = bad(4, 3) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(solve(bad, b, {}).result.status, BlockCgStatus::not_finite);
  // Zero is an eigenvalue, and b has a share in its eigenvector: no answer exists.
  const Matrix<double> singular = with_spectrum(65, [](GlobalIndex m) { return m == 0 ? 0.0 : 1.0; });
  EXPECT_NE(solve(singular, b, {.max_iterations = 200}).result.status, BlockCgStatus::converged);
}

TEST_F(BlockCg, ErrorsSayWhatToTry) {
  const Matrix<double> a = filled(65, 65, &gram_entry);
  const Matrix<double> b = filled(65, 3, &rough_entry);
  EXPECT_NE(failure(a, 0.1, b, {.tolerance = 1e-30}).find("finer than the matrix allows"), std::string::npos);
  EXPECT_NE(failure(a, 0.1, b, {.tolerance = 1e-12, .max_iterations = 3, .block_width = 1})
                .find("raise solve.max_iterations"),
            std::string::npos);
  Matrix<double> nan = b;
  nan(7, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(failure(a, 0.1, nan, {}).find("the targets: entry (7, 2)"), std::string::npos);
  const auto stored = distributed(grid_, a, 8);
  try {
    solve_cg(stored, {.value = 0.01}, distributed(grid_, b, 8), {}, {.stop = [] { return true; }});
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::stopped);
  }
}

TEST_F(BlockCg, NoTargetColumnsAreNoTrouble) {
  const auto a = distributed(grid_, filled(23, 23, &gram_entry), 8);
  const RegressionFit fit = solve_cg(dist::StoredOperator(a), 0.1, MatrixView<const double>(nullptr, 23, 0));
  EXPECT_EQ(fit.alpha.cols(), 0);
  EXPECT_EQ(fit.iterations, 0);
}

/// Plain PETSc: a matrix, a preconditioner and a monitor of its own.
class PlainPetsc : public testing::Test {
 protected:
  static constexpr PetscInt n = 40;

  void SetUp() override {
    register_petsc_types();
    petsc::check(
        MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, nullptr, 3, nullptr, a_.out()));
    PetscInt begin = 0;
    PetscInt end = 0;
    petsc::check(MatGetOwnershipRange(a_.get(), &begin, &end));
    for (PetscInt i = begin; i < end; ++i) {
      petsc::check(MatSetValue(a_.get(), i, i, 2.0 + 0.1 * i, INSERT_VALUES));
      for (const PetscInt j : {i - 1, i + 1})
        if (j >= 0 && j < n) petsc::check(MatSetValue(a_.get(), i, j, -1.0, INSERT_VALUES));
    }
    petsc::check(MatAssemblyBegin(a_.get(), MAT_FINAL_ASSEMBLY));
    petsc::check(MatAssemblyEnd(a_.get(), MAT_FINAL_ASSEMBLY));
    petsc::check(KSPCreate(PETSC_COMM_WORLD, ksp_.out()));
    petsc::check(KSPSetOperators(ksp_.get(), a_.get(), a_.get()));
    const PetscOption type("-ksp_type", block_cg_type);
    const PetscOption pc("-pc_type", "jacobi");
    const PetscOption tolerance("-ksp_rtol", "1e-11");
    petsc::check(KSPSetFromOptions(ksp_.get()));
    petsc::check(KSPMonitorSet(
        ksp_.get(),
        [](KSP ksp, PetscInt iteration, PetscReal norm, void* heard) -> PetscErrorCode {
          auto& norms = *static_cast<std::vector<double>*>(heard);
          norms.push_back(norm);
          expect_true_residual(ksp, norm);
          return iteration + 1 == static_cast<PetscInt>(norms.size()) ? 0 : 1;
        },
        &heard_, nullptr));
  }

  /// What a monitor that asks for the residual vector and the right-hand side is given.
  static void expect_true_residual(KSP ksp, double norm) {
    Vec b = nullptr;
    VecHandle r;
    PetscReal size = 0;
    PetscReal true_norm = 0;
    petsc::check(KSPGetRhs(ksp, &b));
    petsc::check(VecNorm(b, NORM_2, &size));
    petsc::check(KSPBuildResidual(ksp, nullptr, nullptr, r.out()));
    petsc::check(VecNorm(r.get(), NORM_2, &true_norm));
    EXPECT_NEAR(true_norm, norm, 1e-13 * size);
  }

  MatHandle a_;
  KspHandle ksp_;
  std::vector<double> heard_;
};

TEST_F(PlainPetsc, OneColumnBySolve) {
  VecHandle b;
  VecHandle x;
  VecHandle r;
  petsc::check(MatCreateVecs(a_.get(), x.out(), b.out()));
  petsc::check(VecDuplicate(b.get(), r.out()));
  petsc::check(VecSet(b.get(), 1.0));
  petsc::check(KSPSolve(ksp_.get(), b.get(), x.get()));
  KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
  PetscInt iterations = 0;
  PetscReal last = 0;
  petsc::check(KSPGetConvergedReason(ksp_.get(), &reason));
  petsc::check(KSPGetIterationNumber(ksp_.get(), &iterations));
  petsc::check(KSPGetResidualNorm(ksp_.get(), &last));
  EXPECT_EQ(reason, KSP_CONVERGED_RTOL);
  ASSERT_EQ(static_cast<PetscInt>(heard_.size()), iterations + 1);
  EXPECT_NEAR(heard_.front(), std::sqrt(40.0), 1e-12) << "the plain norm of the residual";
  EXPECT_EQ(heard_.back(), last);
  petsc::check(MatMult(a_.get(), x.get(), r.get()));
  petsc::check(VecAXPY(r.get(), -1.0, b.get()));
  PetscReal norm = 0;
  petsc::check(VecNorm(r.get(), NORM_2, &norm));
  EXPECT_LE(norm, 1e-11 * std::sqrt(40.0));
  petsc::check(KSPSetTolerances(ksp_.get(), 1e-11, PETSC_DEFAULT, PETSC_DEFAULT, 2));
  heard_.clear();
  petsc::check(KSPSolve(ksp_.get(), b.get(), x.get()));
  petsc::check(KSPGetConvergedReason(ksp_.get(), &reason));
  EXPECT_EQ(reason, KSP_DIVERGED_ITS);
}

TEST_F(PlainPetsc, SeveralColumnsByMatSolve) {
  PetscInt begin = 0;
  PetscInt end = 0;
  petsc::check(MatGetOwnershipRange(a_.get(), &begin, &end));
  const Matrix<double> b =
      filled(end - begin, 5, [&](GlobalIndex i, GlobalIndex k) { return rough_entry(begin + i, k); });
  Matrix<double> x(end - begin, 5);
  const PetscBlock b_block(PETSC_COMM_WORLD, n, b.view());
  const PetscBlock x_block(PETSC_COMM_WORLD, n, x.view());
  petsc::check(KSPMatSolve(ksp_.get(), b_block.get(), x_block.get()));
  MatHandle image;
  petsc::check(MatMatMult(a_.get(), x_block.get(), MAT_INITIAL_MATRIX, PETSC_DEFAULT, image.out()));
  const BlockRead product(image.get());
  for (Index k = 0; k < 5; ++k)
    for (Index i = 0; i < x.rows(); ++i) EXPECT_NEAR(product.view()(i, k), b(i, k), 1e-9);
  EXPECT_LT(heard_.size(), 20U) << "five columns together";
  // From a first guess that is the answer there is nothing to do.
  petsc::check(KSPSetInitialGuessNonzero(ksp_.get(), PETSC_TRUE));
  heard_.clear();
  petsc::check(KSPSetTolerances(ksp_.get(), 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  petsc::check(KSPMatSolve(ksp_.get(), b_block.get(), x_block.get()));
  ASSERT_NE(block_cg_result(ksp_.get()), nullptr);
  EXPECT_EQ(block_cg_result(ksp_.get())->iterations, 0);
}

TEST_F(PlainPetsc, OurPreconditionersRefuseAMatrixThatIsNoGram) {
  PC pc = nullptr;
  petsc::check(KSPGetPC(ksp_.get(), &pc));
  petsc::check(PCSetType(pc, rpcholesky_type));
  EXPECT_NE(PCSetUp(pc), 0);
  petsc::check(PCSetType(pc, PCNONE));
}

}  // namespace
}  // namespace widegram::solvers
