#pragma once

#include <mpi.h>

#include <functional>
#include <span>
#include <vector>

#include "src/base/matrix.hpp"

namespace widegram::solvers {

/// What block conjugate gradients know of A x = b: products with blocks of vectors, of which each rank holds
/// its rows. Every call is collective over comm.
struct BlockSystem {
  using Map = std::function<void(MatrixView<const double> x, MatrixView<double> y)>;

  MPI_Comm comm = MPI_COMM_NULL;
  Map multiply{};      ///< y <- A x, symmetric positive definite
  Map precondition{};  ///< y <- M^-1 x, symmetric positive definite; empty: the identity
};

/// Where a solve has come to, this rank's rows: enough to go on with the method's convergence as if it had
/// never stopped. Residuals are not kept: they are computed anew, as true ones.
struct BlockCgState {
  Index iterations = 0;
  Matrix<double> x;           ///< n x k
  Matrix<double> directions;  ///< n x w, w <= max(k, width): the search directions of the next iteration
  Matrix<double> companions;  ///< n x c, c <= w: what the residuals' span has beside the residuals
  Matrix<double> kept;        ///< n x d, d <= k: directions of columns that are done, A-orthonormal
};

struct BlockCgProgress {
  Index iteration = 0;
  std::span<const double> residuals;  ///< norm of each column's residual, by recurrence
  std::span<const double> targets;    ///< that it has to come down to
  std::span<const double> sizes;      ///< norm of each column of b
};

struct BlockCgHooks {
  /// Told before the first iteration and after each, the same on every rank.
  std::function<void(const BlockCgProgress&)> iteration{};
  /// Asked on every rank once an iteration; where one says yes, all save and end as `stopped`.
  std::function<bool()> stop{};
  /// Collective. Takes the state at a stop, where the solve ends without an answer, and every save_every
  /// seconds.
  std::function<void(const BlockCgState&)> save{};
  double save_every = 60;
  /// Where to go on from. The number of ranks may be another one.
  const BlockCgState* initial = nullptr;
};

struct BlockCgLimits {
  double tolerance = 1e-8;  ///< of each column's |b - A x| against its |b|
  double absolute = 0;      ///< a column is done below this, too
  Index max_iterations = 1000;
  Index width = 1;  ///< fewer columns than these are joined by random ones; at most n
};

enum class BlockCgStatus {
  converged,
  max_iterations,
  stagnated,                  ///< true residuals do not come down any further: rounding is in the way
  indefinite,                 ///< a direction of negative curvature: A is not positive semidefinite
  indefinite_preconditioner,  ///< r^T M^-1 r < 0
  not_finite,
  stopped
};

struct BlockCgResult {
  BlockCgStatus status = BlockCgStatus::converged;
  Index iterations = 0;             ///< products with A in all, but those for true residuals
  Index restarts = 0;               ///< from the true residual
  std::vector<double> residuals{};  ///< |b - A x| / |b| of each column, true ones (|b - A x| where b is 0);
                                    ///< by recurrence where the solve was stopped or is not finite
};

/// Solves for all columns of b together. Collective over system.comm; b and x: this rank's rows x k, any k.
/// x holds the first guess (unless hooks.initial does) and then the answer: the last iterate, whose error is
/// the least in the norm of A, and the best one known where restarts made it worse.
///
/// Block conjugate gradients of the residuals' span: the residual block is kept as Q C with Q orthonormal in
/// the product of M^-1, so that columns of very different size, or nearly dependent ones, do no harm
/// (Dubrulle 2001), and directions are made conjugate to the last ones by projection, whatever basis they are
/// in (Ji and Li 2017). Dependent columns lower the rank of Q. Columns that are done are left as they are,
/// while their directions go on to help the others; where a wide block has only few columns left, it is made
/// narrower, and the directions that leave it are kept, since later ones must stay conjugate to them
/// (Nikishin and Yeremin 1995). When the recurrence says that all is done, true residuals are computed, and
/// the method starts again from those that are not, as long as that brings them down.
///
/// Where a product with a few vectors more costs little, as with a matrix that comes from memory or a file or
/// is computed anew, `width` makes the block wider: its span is that of the residuals and of random vectors,
/// the same ones on any rank count. They are not solved for, but take eigenvalues at both ends of the
/// spectrum upon themselves as any column does: iterations, not answers, change. (Enlarged Krylov spaces:
/// Grigori, Moufawad and Nataf 2016, there by splitting the residual.)
///
/// An iteration, w = max(k, width): one product with A and one with M^-1 on at most w vectors, 16 n w^2
/// flops, two reductions of about 3 w^2 numbers. Memory: 8 blocks of n x w in parts.
BlockCgResult block_cg(const BlockSystem& system, MatrixView<const double> b, MatrixView<double> x,
                       const BlockCgLimits& limits, const BlockCgHooks& hooks = {});

}  // namespace widegram::solvers
