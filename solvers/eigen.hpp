#pragma once

#include <span>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::solvers {

/// A = V diag(values) V^T for a symmetric n x n matrix.
struct Eigendecomposition {
  std::vector<double> values;               ///< ascending, the same on every rank
  dist::DistributedMatrix<double> vectors;  ///< V: column j, of norm 1, belongs to values[j]

  GlobalIndex size() const { return vectors.rows(); }
};

/// All eigenvalues and eigenvectors. Collective over the grid. a: n x n, taken over; its lower triangle is
/// read. Up to 6 n^3 flops over all ranks, which take as long as about 9 n^3 of a Cholesky factorisation's
/// (see cheaper_ridge_method()). Memory: four matrices while it runs, one behind it. On another number of
/// ranks answers agree to rounding. Throws Error(numerical) naming an entry that is not finite or where there
/// is no convergence, Error(usage) where the workspace passes 2^31 numbers on a rank, with the number of
/// ranks that will do. Source: see dist::syevd().
Eigendecomposition eigendecompose(dist::DistributedMatrix<double> a);

/// All eigenvalues, ascending, the same on every rank. As above, with 4/3 n^3 flops and no second matrix.
std::vector<double> eigenvalues(dist::DistributedMatrix<double> a);

/// V^T B, the whole of it on every rank. b: n x k on V's grid in blocks of the same size. 2 n^2 k flops.
Matrix<double> project(const Eigendecomposition& eigen, const dist::DistributedMatrix<double>& b);

/// V diag(weights) C: row j of c, n x k and the same on every rank, is scaled by weights[j]. 2 n^2 k flops.
dist::DistributedMatrix<double> expand(const Eigendecomposition& eigen, std::span<const double> weights,
                                       MatrixView<const double> c);

/// V^T B where it lies, n x k, for a k that is too large for every rank to hold it.
dist::DistributedMatrix<double> project_distributed(const Eigendecomposition& eigen,
                                                    const dist::DistributedMatrix<double>& b);

/// V diag(weights) V^T B: a function of A times B. b: n x k on V's grid in blocks of the same size.
/// 4 n^2 k flops.
dist::DistributedMatrix<double> apply_function(const Eigendecomposition& eigen,
                                               std::span<const double> weights,
                                               const dist::DistributedMatrix<double>& b);

/// The diagonal of V diag(weights) V^T, n numbers on every rank. 2 n^2 flops.
std::vector<double> diagonal_of_function(const Eigendecomposition& eigen, std::span<const double> weights);

/// 1 / (values + ridge). Throws CollectiveError(numerical) where one of the sums is not above n eps
/// max |value|: rounding alone makes such sums (duplicate samples without a ridge). The message says which
/// ridge helps. Every rank brings the same.
std::vector<double> inverted(std::span<const double> values, double ridge);

/// Sum of log(values + ridge), which inverted() has accepted.
double log_determinant(std::span<const double> values, double ridge);

}  // namespace widegram::solvers
