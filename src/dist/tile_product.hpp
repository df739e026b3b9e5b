#pragma once

#include "src/base/matrix.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dist {

/// The product of a symmetric matrix with a block of vectors, put together from blocks of its lower triangle
/// as they come by, in any order and on any rank: each is used where it stands and mirrored. Holds the
/// vectors and the sums as wholes, 2 n k numbers a rank.
class TileProduct {
 public:
  /// Collective over comm: gathers x, of which each rank holds its rows by `layout`.
  TileProduct(const mpi::Communicator& comm, const Partition& layout, MatrixView<const double> x);

  /// Local. a: the entries of these rows and columns, which do not meet. 4 rows cols k flops.
  void add(Range rows, Range cols, MatrixView<const double> a);
  /// Local. A block on the diagonal, both of its triangles.
  void add_diagonal(Range both, MatrixView<const double> a);
  /// Collective. y <- this rank's rows of the product. Once, at the end.
  void finish(MatrixView<double> y);

 private:
  const mpi::Communicator& comm_;
  Partition layout_;
  Matrix<double> x_;
  Matrix<double> sums_;
};

}  // namespace widegram::dist
