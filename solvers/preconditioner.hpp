#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

enum class PreconditionerKind {
  none,
  nystrom,          ///< randomised Nystroem: a product of A with `rank` random vectors
  nystrom_columns,  ///< the same from columns of A that are chosen evenly at random: no product
  rpcholesky        ///< randomly pivoted Cholesky: columns chosen by what is left of the diagonal
};

/// "none", "nystrom", "nystrom-columns", "rpcholesky".
std::string name_of(PreconditionerKind kind);

struct PreconditionerOptions {
  PreconditionerKind kind = PreconditionerKind::none;
  Index rank = 512;  ///< at most; n where that is less
  /// Where above 0 the rank grows only until what is left is this many ridges: the trace for rpcholesky (the
  /// condition number is then at most 1 + tail), the last eigenvalue for the others.
  double tail = 0;
  std::uint64_t seed = 0;
};

/// What a preconditioner was made of and took.
struct PreconditionerReport {
  std::string kind = "none";
  Index rank = 0;
  double trace_share = 0;                ///< of A's trace that the low-rank part holds
  double seconds = 0;                    ///< on this rank
  std::vector<GlobalIndex> landmarks{};  ///< columns that it was made of, the same on any rank count
};

/// Inverse of A + ridge I to low rank, up to a factor, as x - B B^T x: B is n x r, of which each rank holds
/// its rows. So the three kinds differ by how B is found alone:
/// - Nystroem, A ~ U diag(lambda) U^T: (lambda_r + ridge) U (diag(lambda) + ridge)^-1 U^T + (I - U U^T).
///   Source: Frangella, Tropp and Udell, Randomized Nystroem preconditioning (2021).
/// - Cholesky, A ~ F F^T: s (F F^T + s I)^-1 by Woodbury's identity. s is the ridge, or the mean eigenvalue
/// of
///   A - F F^T where that is larger: the bound on the condition number is the same, and on dense NTKs with a
///   ridge far below their smallest eigenvalue half the iterations do (tests/bench/block_cg_bench.cpp).
///   Source: Diaz, Epperly, Frangella, Tropp and Webber, Robust, randomized preconditioning for kernel ridge
///   regression (2023).
class Preconditioner {
 public:
  /// Collective over a.comm(); kind is not `none`. Cost over all ranks: n rank entries of A by columns(), or
  /// one apply() to `rank` vectors, and about 3 n rank^2 flops; rank 0 adds 10 rank^3 for Nystroem. Memory:
  /// 2 n rank numbers in parts. A ridge below 1e-12 of A's trace is taken as that, since rounding would leave
  /// the preconditioner indefinite. Throws Error(usage) for a rank below 1, Error(numerical) where the
  /// diagonal is negative, is zero throughout, or is not finite.
  Preconditioner(const dist::LinearOperator& a, double ridge, const PreconditionerOptions& options);

  /// y <- M^-1 x, for a block. Collective; 4 n r k flops, one sum of r x k numbers.
  void apply(MatrixView<const double> x, MatrixView<double> y) const;
  const PreconditionerReport& report() const { return report_; }

 private:
  const mpi::Communicator& comm_;
  Matrix<double> b_;
  PreconditionerReport report_;
};

}  // namespace widegram::solvers
