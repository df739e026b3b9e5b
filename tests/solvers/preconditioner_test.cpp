#include "solvers/preconditioner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "solvers/block_algebra.hpp"
#include "solvers/cg.hpp"
#include "solvers/low_rank.hpp"
#include "src/dist/stored_operator.hpp"
#include "tests/solvers/support.hpp"

namespace widegram::solvers {
namespace {

using dist::ProcessGrid;

constexpr PreconditionerKind kinds[] = {PreconditionerKind::nystrom, PreconditionerKind::nystrom_columns,
                                        PreconditionerKind::rpcholesky};

/// A smooth kernel on points of the line: eigenvalues fall fast.
double smooth_entry(GlobalIndex i, GlobalIndex j) {
  const double distance = 0.05 * (point(i) - point(j));
  return std::exp(-distance * distance) + (i == j ? 1e-9 : 0.0);
}

class Preconditioning : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  RegressionFit fit(const Matrix<double>& a, double ridge, Index k, const PreconditionerOptions& options,
                    double tolerance = 1e-10) const {
    return solve_cg(distributed(grid_, a, 16), {.value = ridge, .relative = false},
                    distributed(grid_, filled(a.rows(), k, &target_entry), 16),
                    {.tolerance = tolerance, .preconditioner = options});
  }
  /// M^-1 as a whole, on every rank.
  Matrix<double> inverse(const dist::LinearOperator& op, const Preconditioner& preconditioner) const {
    Matrix<double> x(op.part().size(), op.size());
    for (Index i = 0; i < x.rows(); ++i) x(i, op.part().begin + i) = 1;
    Matrix<double> y(x.rows(), x.cols());
    preconditioner.apply(x.view(), y.view());
    return dist::gather_parts(op.comm(), op.layout(), y.view());
  }
};

/// Largest over smallest eigenvalue of M^-1 (A + ridge I), by way of the symmetric L^T M^-1 L.
double condition(const Matrix<double>& a, double ridge, const Matrix<double>& inverse) {
  Matrix<double> factor = a;
  EXPECT_EQ(lapack_factor(factor, ridge), 0);
  const Matrix<double> l =
      filled(a.rows(), a.rows(), [&](GlobalIndex i, GlobalIndex j) { return i < j ? 0.0 : factor(i, j); });
  Matrix<double> form = inner_products(l.view(), product(inverse.view(), l.view()).view());
  const std::vector<double> values = symmetric_eigen(form);
  return values.back() / values.front();
}

TEST_F(Preconditioning, EveryKindSolvesToTheSameAnswerInFewIterations) {
  const GlobalIndex n = 200;
  const Matrix<double> a = filled(n, n, &smooth_entry);
  const double ridge = 1e-4;
  const Matrix<double> b = filled(n, 3, &target_entry);
  const Matrix<double> expected = lapack_solve(a, ridge, b);
  const RegressionFit plain = fit(a, ridge, 3, {});
  EXPECT_EQ(plain.preconditioner.kind, "none");
  for (const PreconditionerKind kind : kinds) {
    const RegressionFit with = fit(a, ridge, 3, {.kind = kind, .rank = 60}, 1e-10);
    // |x - y| <= |b - A x| / ridge.
    EXPECT_LT(largest_difference(with.alpha, expected), 2e-10 * std::sqrt(200.0) / ridge)
        << with.preconditioner.kind;
    EXPECT_LT(3 * with.iterations, plain.iterations) << with.preconditioner.kind;
    EXPECT_LE(with.preconditioner.rank, 60);
    EXPECT_GT(with.preconditioner.trace_share, 0.9);
    EXPECT_LT(with.preconditioner.trace_share, 1.0 + 1e-9);
  }
}

/// Chen et al.: with A - F F^T of trace t, the condition number is at most 1 + t / ridge. So conjugate
/// gradients need about sqrt(condition) / 2 log(2 / tolerance) iterations at most (in the norm of A).
TEST_F(Preconditioning, TheConditionNumberIsWhatTheTraceLeftPromises) {
  const GlobalIndex n = 150;
  const Matrix<double> a = filled(n, n, &smooth_entry);
  const auto here = distributed(grid_, a, 16);
  const dist::StoredOperator op(here);
  for (const double ridge : {1e-2, 1e-4, 1e-6})
    for (const Index rank : {10, 20, 40}) {
      const Preconditioner made(op, ridge, {.kind = PreconditionerKind::rpcholesky, .rank = rank});
      const double left = (1 - made.report().trace_share) * static_cast<double>(n) * (1 + 1e-9);
      EXPECT_LE(condition(a, ridge, inverse(op, made)), 1.01 * (1 + std::max(0.0, left) / ridge) + 1e-3);
    }
}

TEST_F(Preconditioning, AnAdaptiveRankStopsWhereItPromises) {
  const GlobalIndex n = 150;
  const Matrix<double> a = filled(n, n, &smooth_entry);
  const auto here = distributed(grid_, a, 16);
  const dist::StoredOperator op(here);
  for (const PreconditionerKind kind : kinds) {
    const Preconditioner made(op, 1e-3, {.kind = kind, .rank = 150, .tail = 1.0});
    EXPECT_LT(made.report().rank, 120);
    EXPECT_LE(condition(a, 1e-3, inverse(op, made)), kind == PreconditionerKind::rpcholesky ? 2.01 : 20.0)
        << made.report().kind;
  }
}

TEST_F(Preconditioning, LandmarksAreTheSameOnAnyRankCount) {
  const GlobalIndex n = 150;
  const Matrix<double> a = filled(n, n, [](GlobalIndex i, GlobalIndex j) {
    return gram_entry(i, j) * std::sqrt(static_cast<double>((1 + i) * (1 + j)));
  });
  const auto here = distributed(grid_, a, 16);
  const ProcessGrid alone = ProcessGrid::square(mpi::Communicator::self());
  const auto a_alone = distributed(alone, a, 16);
  for (const PreconditionerKind kind :
       {PreconditionerKind::nystrom_columns, PreconditionerKind::rpcholesky}) {
    const PreconditionerOptions options{.kind = kind, .rank = 40, .seed = 5};
    const auto landmarks = Preconditioner(dist::StoredOperator(here), 0.1, options).report().landmarks;
    EXPECT_EQ(landmarks, Preconditioner(dist::StoredOperator(a_alone), 0.1, options).report().landmarks);
    EXPECT_EQ(landmarks.size(), 40U);
    EXPECT_EQ(std::set<GlobalIndex>(landmarks.begin(), landmarks.end()).size(), 40U);
    const PreconditionerOptions other{.kind = kind, .rank = 40, .seed = 6};
    EXPECT_NE(landmarks, Preconditioner(dist::StoredOperator(here), 0.1, other).report().landmarks);
  }
}

/// With probabilities in proportion to the diagonal: of 1,000 seeds, the heavy entry comes first about as
/// often as it should.
TEST_F(Preconditioning, PivotsAreDrawnByTheDiagonal) {
  const Matrix<double> a = filled(5, 5, [](GlobalIndex i, GlobalIndex j) {
    return i != j ? 0.0 : i == 3 ? 6.0 : 1.0;
  });
  const auto here = distributed(grid_, a, 2);
  const dist::StoredOperator op(here);
  const Diagonal diagonal = checked_diagonal(op);
  int heavy = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    heavy += randomly_pivoted_cholesky(op, diagonal, 1, 0, seed).landmarks.at(0) == 3;
  EXPECT_NEAR(heavy, 600, 50);
}

TEST_F(Preconditioning, ARankAboveNAndDependentSamplesAreNoTrouble) {
  const GlobalIndex n = 40;
  const auto original = [](GlobalIndex i) { return i % 2 == 0 ? i : i - 1; };  // each sample twice
  const Matrix<double> a = filled(n, n, [&](GlobalIndex i, GlobalIndex j) {
    return gram_entry(original(i), original(j)) - (original(i) == original(j) ? 0.1 : 0.0);
  });
  for (const PreconditionerKind kind : kinds) {
    const RegressionFit with = fit(a, 1e-3, 2, {.kind = kind, .rank = 1000});
    EXPECT_LE(with.preconditioner.rank, 40);
    EXPECT_LT(with.iterations, 8) << with.preconditioner.kind;
  }
  EXPECT_EQ(fit(a, 1e-3, 2, {.kind = PreconditionerKind::rpcholesky, .rank = 1000}).preconditioner.rank, 20);
}

TEST_F(Preconditioning, ARidgeOfNothingIsBorne) {
  const Matrix<double> a = filled(100, 100, &gram_entry);
  for (const PreconditionerKind kind : kinds)
    EXPECT_LE(fit(a, 0.0, 2, {.kind = kind, .rank = 30}).relative_residual, 1e-10);
}

TEST_F(Preconditioning, PetscsOptionsChooseAndTune) {
  const Matrix<double> a = filled(100, 100, &smooth_entry);
  const PetscOption type("-pc_type", "widegram-nystrom");
  EXPECT_EQ(fit(a, 1e-3, 2, {.kind = PreconditionerKind::rpcholesky, .rank = 31}).preconditioner.kind,
            "nystrom");
  const PetscOption rank("-pc_widegram_rank", "17");
  const RegressionFit tuned = fit(a, 1e-3, 2, {});
  EXPECT_EQ(tuned.preconditioner.rank, 17);
  const PetscOption view("-ksp_view", ":/dev/null");
  const PetscOption monitor("-ksp_monitor", ":/dev/null");
  const PetscOption reason("-ksp_converged_reason", ":/dev/null");
  const PetscOption cg("-ksp_type", "cg");
  const RegressionFit by_columns = fit(a, 1e-3, 2, {}, 1e-12);
  EXPECT_LT(largest_difference(by_columns.alpha, lapack_solve(a, 1e-3, filled(100, 2, &target_entry))), 1e-6);
}

TEST_F(Preconditioning, WhatCannotBeIsRefused) {
  const Matrix<double> a = filled(20, 20, &gram_entry);
  try {
    fit(a, 0.1, 1, {.kind = PreconditionerKind::nystrom, .rank = 0});
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::usage);
    EXPECT_NE(std::string(e.what()).find("preconditioner_rank = 0"), std::string::npos);
  }
  const Matrix<double> negative =
      filled(20, 20, [](GlobalIndex i, GlobalIndex j) { return i == j ? (i == 9 ? -1.0 : 1.0) : 0.0; });
  try {
    fit(negative, 2.0, 1, {.kind = PreconditionerKind::rpcholesky, .rank = 5});
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
  }
}

}  // namespace
}  // namespace widegram::solvers
