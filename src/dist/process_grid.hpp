#pragma once

#include <memory>
#include <utility>

#include "src/dist/layout.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dist {

/// Ranks in a rectangle, row by row, with the BLACS context that ScaLAPACK talks through. Move-only; matrices
/// share() it, so that it lives as long as the last of them. Making a grid is collective, and so is the end
/// of its last holder: that part is left out while an exception unwinds, since the other ranks may never
/// come.
class ProcessGrid {
 public:
  /// Collective over `comm`, which is duplicated. Any number of ranks, see GridShape::square.
  static ProcessGrid square(const mpi::Communicator& comm);
  /// Likewise of a given shape, which must have comm.size() places.
  static ProcessGrid of(const mpi::Communicator& comm, GridShape shape);

  ProcessGrid(ProcessGrid&&) noexcept = default;
  ProcessGrid& operator=(ProcessGrid&&) noexcept = default;

  GridShape shape() const { return state_->shape; }
  int rows() const { return state_->shape.rows; }
  int cols() const { return state_->shape.cols; }
  int row() const { return state_->comm.rank() / cols(); }
  int col() const { return state_->comm.rank() % cols(); }
  int rank_of(int row, int col) const { return row * cols() + col; }

  /// All ranks of the grid, in the order of rank_of().
  const mpi::Communicator& comm() const { return state_->comm; }
  /// BLACS context.
  int context() const { return state_->context; }

  /// Another hold on the same grid.
  ProcessGrid share() const { return ProcessGrid(state_); }
  /// Whether both are holds on one grid.
  bool same_as(const ProcessGrid& other) const { return state_ == other.state_; }

 private:
  struct State {
    State(const mpi::Communicator& parent, GridShape shape);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    GridShape shape;
    mpi::Communicator comm;
    int system_handle = -1;
    int context = -1;
  };

  explicit ProcessGrid(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

}  // namespace widegram::dist
