#pragma once

#include <span>
#include <vector>

#include "src/base/matrix_view.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dist {

/// A symmetric n x n matrix that is known by its products, whether it is stored or not. Vectors lie in
/// contiguous parts: rank r holds the entries layout().range(r), and a block of k vectors is a view of that
/// many rows and k columns.
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;

  virtual const mpi::Communicator& comm() const = 0;
  virtual const Partition& layout() const = 0;
  /// y <- A x. Collective over comm(); x and y do not overlap.
  virtual void apply(MatrixView<const double> x, MatrixView<double> y) const = 0;
  /// This rank's part of the diagonal. Collective over comm().
  virtual std::vector<double> diagonal() const = 0;

  GlobalIndex size() const { return layout().extent; }
  Range part() const { return layout().range(comm().rank()); }
};

/// The parts of one vector put together, on every rank. Collective over comm.
std::vector<double> gather_parts(const mpi::Communicator& comm, const Partition& layout,
                                 std::span<const double> part);

}  // namespace widegram::dist
