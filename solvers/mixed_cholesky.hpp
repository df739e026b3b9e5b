#pragma once

#include <string>

#include "solvers/regression.hpp"

namespace widegram::solvers {

struct MixedOptions {
  Ridge ridge;
  double tolerance = 1e-10;   ///< on the relative residual of each target column
  Index max_iterations = 60;  ///< before double takes over; each is worth 2 products with A and its columns
  WorkObserver observer{};    ///< flops of the factorisation, in float32 or, after a fall back, in double
};

struct MixedFit {
  RegressionFit fit;     ///< its iterations are those of the refinement
  bool mixed = true;     ///< false: the answer is the double Cholesky's
  std::string reason{};  ///< why float32 did not do; empty where it did
};

/// Kernel ridge regression by a Cholesky factorisation in float32 whose solutions are refined in double:
/// conjugate gradients with the factor as preconditioner, which converge in a few steps where plain iterative
/// refinement does, and still converge where that no longer does. Where float32 overflows or finds a pivot
/// that is not positive, or the refinement does not come to the tolerance, the factorisation in double takes
/// over, and the reason is told. True residuals are checked in double. The matrix is scaled by its mean
/// diagonal first, so that its unit does not matter.
///
/// Collective over a's grid. a: n x n with both triangles filled, taken over; targets: n x k on the same grid
/// in blocks of the same size. Memory: a and, while there is a float32 factor, half of it again; six blocks
/// of n x k. Errors as of Cholesky, after the fall back. Sources: Carson and Higham, Accelerating the
/// solution of linear systems by iterative refinement in three precisions (2018); Notay, Flexible conjugate
/// gradients (2000).
MixedFit fit_ridge_mixed(dist::DistributedMatrix<double> a, const dist::DistributedMatrix<double>& targets,
                         const MixedOptions& options = {});

}  // namespace widegram::solvers
