#pragma once

#include <functional>
#include <span>
#include <vector>

#include "solvers/eigen.hpp"
#include "solvers/observer.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::solvers {

/// How a list of ridges is gone through: one eigendecomposition for all, or a factorisation a ridge.
enum class RidgeMethod { eigen, cholesky };

/// Time of eigendecompose() over that of n^3 flops of Cholesky, as measured: 9 for n = 2,500 on 1 rank, 6 to
/// 12 for n = 2,000 on 2.
inline constexpr double eigen_cost = 9;

/// What takes less time for that many ridges, with or without the diagonals of the inverses. Flops at the
/// speed of the Cholesky factorisation: a ridge is n^3 / 3, and as many again for the diagonal; the
/// eigendecomposition is worth eigen_cost n^3, and a ridge then costs next to nothing.
RidgeMethod cheaper_ridge_method(Index ridges, bool inverse_diagonals);

/// What is known of (A + ridge I)^-1 for one ridge.
struct RidgeSolution {
  double ridge = 0;
  const dist::DistributedMatrix<double>& alpha;  ///< (A + ridge I)^-1 targets, n x k
  std::vector<double> inverse_diagonal;  ///< of (A + ridge I)^-1, n on every rank; empty if not asked for
  double log_determinant = 0;            ///< log det(A + ridge I)
  double effective_dimension = 0;  ///< tr A (A + ridge I)^-1; Cholesky needs the diagonals for it, else 0
};

struct RidgeSolutionOptions {
  bool inverse_diagonals = true;
  WorkObserver observer{};  ///< in ridges
  /// Told of a ridge with which A + ridge I is not positive definite, in place of visit; unless that is so
  /// with all of them it is then no error. Empty: it is one.
  std::function<void(double ridge)> failed{};
};

/// Calls visit once for each ridge (plain numbers) in the order given, on every rank. Collective over a's
/// grid. a: n x n with both triangles filled, taken over; targets: n x k on its grid in blocks of the same
/// size. Memory: a alone for Cholesky, four times that for eigen. Throws Error(numerical) where
/// A + ridge I is not positive definite (NotPositiveDefinite for Cholesky) or an entry is not finite,
/// Error(usage) for a ridge below zero.
void for_each_ridge(RidgeMethod method, dist::DistributedMatrix<double> a,
                    const dist::DistributedMatrix<double>& targets, std::span<const double> ridges,
                    const RidgeSolutionOptions& options,
                    const std::function<void(const RidgeSolution&)>& visit);

/// The same from an eigendecomposition that is there.
void for_each_ridge(const Eigendecomposition& eigen, const dist::DistributedMatrix<double>& targets,
                    std::span<const double> ridges, const RidgeSolutionOptions& options,
                    const std::function<void(const RidgeSolution&)>& visit);

}  // namespace widegram::solvers
