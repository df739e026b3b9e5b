#pragma once

#include "solvers/regression.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

struct CgOptions {
  double tolerance = 1e-8;      ///< on the relative residual of each target column
  Index max_iterations = 1000;  ///< of each target column
  WorkObserver observer{};      ///< in steps: cg_steps_a_column for each target column
};

/// A column's share of the work in steps: how far its residual has come towards the tolerance, in decades, or
/// the iterations of the most that are allowed, whichever is more.
inline constexpr Index cg_steps_a_column = 1000;

/// Kernel ridge regression by conjugate gradients, one target column after another: (A + ridge I) alpha =
/// targets. Collective over a.comm(). targets: n x k, the same whole matrix on every rank; so is alpha.
/// `ridge`: the plain number. One product with A an iteration, and one a column for the residual that is
/// reported. PETSc's KSP does the work, without an options prefix: -ksp_monitor, -ksp_rtol, -pc_type jacobi
/// and so on work, and prevail over `options`. Throws Error(numerical) where a column does not converge or
/// the matrix is not positive definite, saying what to try. Source: Hestenes and Stiefel (1952).
RegressionFit solve_cg(const dist::LinearOperator& a, double ridge, MatrixView<const double> targets,
                       const CgOptions& options = {});

/// The same for a stored matrix, n x n with both triangles filled, and targets on its grid.
RegressionFit solve_cg(const dist::DistributedMatrix<double>& a, Ridge ridge,
                       const dist::DistributedMatrix<double>& targets, const CgOptions& options = {});

}  // namespace widegram::solvers
