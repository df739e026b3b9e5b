#pragma once

#include "src/base/index.hpp"
#include "src/dist/process_grid.hpp"

namespace widegram::solvers {

/// What solving on an n x n matrix in memory takes on these ranks.
struct SolverSeconds {
  double factor = 0;   ///< Cholesky
  double product = 0;  ///< with k vectors at once: an iteration of block CG hardly takes longer
};

/// Measured on a made-up matrix of at most 3,072 rows and, for a larger n, carried on by n^3 and n^2. Large
/// factorisations run at a higher rate than that: they take up to 1.5 times less than is said here.
/// Collective over the grid; about 0.5 s, 75 MB over all ranks.
SolverSeconds measure_solver_seconds(const dist::ProcessGrid& grid, GlobalIndex n, Index block, Index k);

}  // namespace widegram::solvers
