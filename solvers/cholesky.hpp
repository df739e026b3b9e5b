#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "solvers/observer.hpp"
#include "src/dist/matrix.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {

/// A + ridge I has no Cholesky factor. The same on every rank; exit code `numerical`.
class NotPositiveDefinite : public mpi::CollectiveError {
 public:
  NotPositiveDefinite(const std::string& message, Index minor, double ridge, double suggested_ridge,
                      dist::DistributedMatrix<double> a)
      : CollectiveError(ExitCode::numerical, message),
        minor_(minor),
        ridge_(ridge),
        suggested_(suggested_ridge),
        a_(std::make_shared<dist::DistributedMatrix<double>>(std::move(a))) {}

  /// Order of the first leading minor that is not positive; its last row and column are number minor() - 1,
  /// counted from 0.
  Index minor() const { return minor_; }
  double ridge() const { return ridge_; }
  /// About the smallest ridge (in all, not on top) with which the factorisation goes through.
  double suggested_ridge() const { return suggested_; }
  /// A as it was given, both triangles: whoever can go on takes it.
  dist::DistributedMatrix<double>& matrix() const { return *a_; }

 private:
  Index minor_;
  double ridge_;
  double suggested_;
  std::shared_ptr<dist::DistributedMatrix<double>> a_;  ///< exceptions are copied
};

/// A + ridge I = L L^T for a symmetric A, in A's own memory: L takes the lower triangle, and A stays in the
/// strictly upper one with its diagonal aside, so that products and residuals are those of the true matrix.
/// All members are collective over the grid; right-hand sides lie on it in blocks of the same size. Sums run
/// in the order of the grid: on another number of ranks answers agree to rounding, not bit for bit. Source:
/// Blackford et al., ScaLAPACK users' guide; Higham, Accuracy and Stability of Numerical Algorithms, ch. 10.
class Cholesky {
 public:
  /// a: n x n with BOTH triangles filled (see dist::mirror_lower). n^3 / 3 flops over all ranks, no second
  /// matrix. Throws Error(numerical) naming an entry that is not finite, Error(usage) for a ridge below zero,
  /// and NotPositiveDefinite where a pivot is not positive or below n eps max(diagonal): rounding alone makes
  /// such pivots (duplicate samples without a ridge), and what is solved with them means nothing. The
  /// suggestion then costs at most 300 products with A. Never changes the matrix by more than the ridge asked
  /// for. The observer counts flops.
  Cholesky(dist::DistributedMatrix<double> a, double ridge, const WorkObserver& observer = {});

  /// (A + ridge I)^-1 B, for all columns at once. b: n x k. 2 n^2 k flops.
  dist::DistributedMatrix<double> solve(const dist::DistributedMatrix<double>& b) const;

  /// The same in b's own memory.
  void solve_in_place(dist::DistributedMatrix<double>& b) const;

  /// A X, without the ridge. x: n x k. 2 n^2 k flops.
  dist::DistributedMatrix<double> multiply(const dist::DistributedMatrix<double>& x);

  /// |B - (A + ridge I) X| / |B|, a column each (|B - ...| itself where a column of B is zero). Costs one
  /// multiply().
  std::vector<double> relative_residuals(const dist::DistributedMatrix<double>& b,
                                         const dist::DistributedMatrix<double>& x);

  double ridge() const { return ridge_; }
  const dist::ProcessGrid& grid() const { return a_.grid(); }
  GlobalIndex size() const { return a_.rows(); }
  Index block() const { return a_.block(); }

  /// log det(A + ridge I), from the factor's diagonal. n numbers read.
  double log_determinant() const;

  /// B <- L^-1 B. b: n x k. n^2 k flops.
  void solve_lower(dist::DistributedMatrix<double>& b) const;

  struct InverseDiagonal {
    std::vector<double> values;         ///< n, the whole of it on every rank
    dist::DistributedMatrix<double> a;  ///< as it was given, both triangles, in the same memory
  };
  /// The diagonal of (A + ridge I)^-1, and A again: L makes room. As L^-1's columns have the norms that are
  /// asked for, n^3 / 3 flops, where the whole inverse takes two times that.
  InverseDiagonal inverse_diagonal() &&;

  /// A as it was given, both triangles, in the same memory; L is gone.
  dist::DistributedMatrix<double> release() &&;

 private:
  void add_ridge();
  void restore();
  void exchange_diagonal();
  Index first_tiny_pivot(Index valid, double threshold) const;
  [[noreturn]] void fail(Index minor);

  dist::DistributedMatrix<double> a_;
  double ridge_;
  /// This rank's entries of the diagonal that is not in a_ at the moment: A's own once the factor is there.
  std::vector<double> diagonal_;
};

}  // namespace widegram::solvers
