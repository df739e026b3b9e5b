#pragma once

#include <functional>

#include "solvers/block_cg.hpp"
#include "solvers/observer.hpp"
#include "solvers/preconditioner.hpp"
#include "solvers/regression.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

struct CgOptions {
  double tolerance = 1e-8;      ///< on the relative residual of each target column
  Index max_iterations = 1000;  ///< in all, those before a state was saved included
  /// Vectors an iteration at least (BlockCgLimits::width); 0: as many as a.cheap_vectors(), in whole granules
  /// of the product.
  Index block_width = 0;
  PreconditionerOptions preconditioner{};
  WorkObserver observer{};  ///< in steps: cg_steps_a_column for each target column
  /// As in BlockCgHooks: asked once an iteration on every rank; what is saved and when; where to go on from.
  std::function<bool()> stop{};
  std::function<void(const BlockCgState&)> save{};
  double save_every = 60;
  const BlockCgState* initial = nullptr;
};

/// A column's share of the work in steps: how far its residual has come towards the tolerance, in decades, or
/// the iterations of the most that are allowed, whichever is more.
inline constexpr Index cg_steps_a_column = 1000;

/// Kernel ridge regression by conjugate gradients, all target columns together: (A + ridge I) alpha =
/// targets. Collective over a.comm(). targets: n x k, the same whole matrix on every rank; so is alpha.
/// `ridge`: the plain number. Costs as of block_cg() and Preconditioner.
///
/// It runs as PETSc's KSP of the type block_cg_type, without an options prefix: -ksp_monitor, -ksp_rtol,
/// -pc_type and so on work, and prevail over `options`. With another -ksp_type (cg) PETSc solves column by
/// column: iterations then count over all of them, the observer hears of the start and the end alone, a stop
/// loses the solve, and save and initial are not listened to. True residuals are checked whatever the type.
///
/// Throws Error(numerical) where a target is not finite, a column does not converge (the state has then gone
/// to `save`) or A is not positive definite, saying what to try; Error(stopped) once a stop was wanted and
/// the state saved; Error(usage) for what PETSc's options ask for and there is not. Source: see block_cg().
RegressionFit solve_cg(const dist::LinearOperator& a, double ridge, MatrixView<const double> targets,
                       const CgOptions& options = {});

/// The same for a stored matrix, n x n with both triangles filled, and targets on its grid.
RegressionFit solve_cg(const dist::DistributedMatrix<double>& a, Ridge ridge,
                       const dist::DistributedMatrix<double>& targets, const CgOptions& options = {});

}  // namespace widegram::solvers
