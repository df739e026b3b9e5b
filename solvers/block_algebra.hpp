#pragma once

#include <mpi.h>

#include <span>
#include <vector>

#include "src/base/matrix.hpp"

namespace widegram::solvers {

/// BLAS-3 on blocks of vectors (this rank's rows) and on the small matrices that go with them. Rows may be
/// none. Nothing here communicates but what takes a communicator.

/// A B.
Matrix<double> product(MatrixView<const double> a, MatrixView<const double> b);
/// A^T B: this rank's share of the inner products.
Matrix<double> inner_products(MatrixView<const double> a, MatrixView<const double> b);
/// y <- y + scale A B.
void add_product(MatrixView<double> y, double scale, MatrixView<const double> a, MatrixView<const double> b);
/// A^T.
Matrix<double> transposed(const Matrix<double>& a);
/// The columns of a whose numbers are listed.
Matrix<double> chosen_columns(MatrixView<const double> a, std::span<const Index> chosen);
/// a and b side by side.
Matrix<double> beside(MatrixView<const double> a, MatrixView<const double> b);
/// This rank's sum of squares of each column, as a row.
Matrix<double> squares(MatrixView<const double> a);

/// Several small matrices summed over the ranks in one message.
class FusedSum {
 public:
  void add(const Matrix<double>& values) {
    values_.insert(values_.end(), values.data(), values.data() + values.rows() * values.cols());
  }
  void add(double value) { values_.push_back(value); }
  /// Collective.
  void reduce(MPI_Comm comm);
  /// The sums, in the order in which the shares were added.
  Matrix<double> take(Index rows, Index cols);
  double take() { return take(1, 1)(0, 0); }
  bool finite() const;

 private:
  std::vector<double> values_;
  std::size_t next_ = 0;
};

/// Rank 0's values on every rank. Collective.
void take_from_root(MPI_Comm comm, std::vector<double>& values);

/// Norms of the columns, over all ranks. Collective; the same bits on every rank.
std::vector<double> column_norms(MPI_Comm comm, MatrixView<const double> a);

/// Whether a symmetric matrix has an eigenvalue below -shift, as rank 0 sees it. Collective. k^3 / 3 flops.
bool has_eigenvalue_below(MPI_Comm comm, Matrix<double> a, double shift);

/// A basis of what k vectors span, from their k x k inner products g alone.
struct RankRevealed {
  Matrix<double> s;  ///< r x k: g = s^T s to the tolerance
  Matrix<double> t;  ///< k x r: the vectors times t are orthonormal, and s t = I
  Index rank() const { return s.rows(); }
};

/// Cholesky with diagonal pivoting, of g scaled to a unit diagonal; stops at pivots below the tolerance.
/// Columns whose diagonal entry is not positive count as zero. Computed on rank 0 and sent to all, so that
/// all decide alike whatever processors they run on. Collective. k^3 / 3 flops. Source: Higham, Accuracy and
/// Stability of Numerical Algorithms, section 10.3.
RankRevealed reveal_rank(MPI_Comm comm, const Matrix<double>& g, double tolerance);

/// Eigenvalues of a symmetric matrix, ascending; its eigenvectors take its place. k^3 flops. Throws
/// std::logic_error where LAPACK fails.
std::vector<double> symmetric_eigen(Matrix<double>& a);

/// Orthogonal r x r matrix whose first columns span those of c (r x s, s <= r), by Householder QR.
Matrix<double> orthogonal_basis(const Matrix<double>& c);

}  // namespace widegram::solvers
