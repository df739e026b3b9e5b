#pragma once

#include "src/dist/linear_operator.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// Products with a symmetric matrix whose BOTH triangles are stored (see mirror_lower()); the matrix must
/// outlive it. apply(): each rank reads its entries once (2 n^2 k / P flops) and holds the k vectors as a
/// whole, 2 n k numbers; one all-gather and one reduce-scatter a vector.
class StoredOperator : public LinearOperator {
 public:
  explicit StoredOperator(const DistributedMatrix<double>& a)
      : a_(a), layout_{a.rows(), a.grid().comm().size(), 1} {}

  const mpi::Communicator& comm() const override { return a_.grid().comm(); }
  const Partition& layout() const override { return layout_; }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;
  std::vector<double> diagonal() const override;

 private:
  const DistributedMatrix<double>& a_;
  Partition layout_;
};

}  // namespace widegram::dist
