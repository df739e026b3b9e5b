#pragma once

#include <functional>
#include <memory>
#include <string>

#include "solvers/block_cg.hpp"
#include "solvers/observer.hpp"
#include "solvers/preconditioner.hpp"
#include "solvers/regression.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// What one solve tells and asks.
struct CgHooks {
  WorkObserver observer{};  ///< in steps: cg_steps_a_column for each target column
  /// Told before the first iteration and after each: the largest relative residual over the columns, by the
  /// method's recurrence. Not under PETSc's own -ksp_type.
  std::function<void(Index iteration, double residual)> iterated{};
  /// As in BlockCgHooks: asked once an iteration on every rank; what is saved and when; where to go on from.
  std::function<bool()> stop{};
  std::function<void(const BlockCgState&)> save{};
  double save_every = 60;
  const BlockCgState* initial = nullptr;
  std::string column_name = "target column";  ///< what messages call a column,
  Index first_column = 0;                     ///< and the number of the first
};

struct CgOptions {
  double tolerance = 1e-8;      ///< on the relative residual of each target column
  Index max_iterations = 1000;  ///< in all, those before a state was saved included
  /// Vectors an iteration at least (BlockCgLimits::width); 0: as many as a.cheap_vectors(), in whole granules
  /// of the product.
  Index block_width = 0;
  PreconditionerOptions preconditioner{};
};

/// A column's share of the work in steps: how far its residual has come towards the tolerance, in decades, or
/// the iterations of the most that are allowed, whichever is more.
inline constexpr Index cg_steps_a_column = 1000;

/// Conjugate gradients on one matrix A + ridge I, for one block of right-hand sides after the other: the
/// preconditioner is made once. See solve_cg() for PETSc's options, costs and errors. All
/// members but gram() and ridge() are collective over a.comm(), the destructor too.
class CgSolver {
 public:
  /// `ridge`: the plain number. `a` must outlive the solver.
  CgSolver(const dist::LinearOperator& a, double ridge, const CgOptions& options);
  CgSolver(const dist::LinearOperator&& a, double ridge, const CgOptions& options) = delete;
  CgSolver(CgSolver&&) noexcept;
  CgSolver& operator=(CgSolver&&) noexcept;
  ~CgSolver();

  const dist::LinearOperator& gram() const;
  double ridge() const;

  /// alpha for targets, n x k, the same whole matrix on every rank; so is alpha.
  RegressionFit fit(MatrixView<const double> targets, const CgHooks& hooks = {});

  struct Solved {
    Index iterations = 0;
    double relative_residual = 0;  ///< the largest of the columns'
  };
  /// X <- (A + ridge I)^-1 B, this rank's rows by a.layout(). k columns, any k.
  Solved solve(MatrixView<const double> b, MatrixView<double> x, const CgHooks& hooks = {});

  /// Y <- (A + ridge I) X, likewise.
  void apply(MatrixView<const double> x, MatrixView<double> y) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

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
                       const CgOptions& options = {}, const CgHooks& hooks = {});

/// The same for a stored matrix, n x n with both triangles filled, and targets on its grid.
RegressionFit solve_cg(const dist::DistributedMatrix<double>& a, Ridge ridge,
                       const dist::DistributedMatrix<double>& targets, const CgOptions& options = {},
                       const CgHooks& hooks = {});

}  // namespace widegram::solvers
