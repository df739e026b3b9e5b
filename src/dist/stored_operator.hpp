#pragma once

#include "src/dist/linear_operator.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// A symmetric matrix whose BOTH triangles are stored on a p x q grid (see mirror_lower()); it must outlive
/// the operator. Nothing is gathered as a whole: a rank of the grid is sent the entries of the vectors that
/// face its rows or columns, and sends on what it has for them.
/// apply(): 2 n^2 k / (p q) flops. Few vectors: each rank reads what it has of the lower triangle once and
/// uses it for both (see symmetric_product.hpp), n k (1 / p + 1 / q) numbers come and as many go. Many: one
/// dgemm of all that it has, n k / q numbers come and n k / p go.
/// columns(): each entry crosses the network once.
class StoredOperator : public LinearOperator {
 public:
  explicit StoredOperator(const DistributedMatrix<double>& a)
      : a_(a), layout_{a.rows(), a.grid().comm().size(), 1} {}

  const mpi::Communicator& comm() const override { return a_.grid().comm(); }
  const Partition& layout() const override { return layout_; }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;
  std::vector<double> diagonal() const override;
  Matrix<double> columns(std::span<const GlobalIndex> chosen) const override;

 private:
  /// The rows or the columns of the grid, and where this rank and others stand there.
  struct Side {
    const BlockCyclic& map;
    int mine;
    bool rows;
  };
  Side side(bool rows) const;
  int place(const Side& side, int rank) const;
  Matrix<double> facing(const Side& side, MatrixView<const double> x) const;
  void add_to_parts(const Side& side, const Matrix<double>& products, MatrixView<double> y) const;
  void multiply_few(MatrixView<const double> x, MatrixView<double> y) const;
  void multiply_many(MatrixView<const double> x, MatrixView<double> y) const;

  const DistributedMatrix<double>& a_;
  Partition layout_;
};

/// Chosen columns of a matrix of any width, of which every rank gets its rows by `layout`: layout.range(rank)
/// x chosen, in the order asked, repeats allowed. Every rank brings the same list. Collective over a's grid;
/// each entry crosses the network once, with at most about 128 MiB of buffers a rank.
Matrix<double> columns_in_parts(const DistributedMatrix<double>& a, const Partition& layout,
                                std::span<const GlobalIndex> chosen);

}  // namespace widegram::dist
