#pragma once

#include <array>
#include <memory>
#include <new>

#include "src/base/matrix_view.hpp"
#include "src/dist/process_grid.hpp"

namespace widegram::dist {

/// Integers by which ScaLAPACK knows a distributed matrix.
using Descriptor = std::array<int, 9>;

/// rows x cols matrix in square blocks, dealt out to a process grid block-cyclically along both dimensions,
/// the first block on process (0, 0). Each rank owns its entries as one column-major buffer. Move-only. T:
/// float or double. Nothing but the constructor communicates.
template <class T>
class DistributedMatrix {
 public:
  /// Collective over the grid. The entries are NOT set: touching a large matrix first and only where it is
  /// filled saves one pass over its memory. Throws Error(usage) on all ranks where one would hold more
  /// entries than ScaLAPACK can address (with the number of ranks that will do), or where the memory of one
  /// does not suffice.
  DistributedMatrix(const ProcessGrid& grid, GlobalIndex rows, GlobalIndex cols, Index block = default_block);

  const ProcessGrid& grid() const { return grid_; }
  GlobalIndex rows() const { return row_layout_.extent; }
  GlobalIndex cols() const { return col_layout_.extent; }
  Index block() const { return row_layout_.block; }
  /// How row (column) indices are dealt out to the rows (columns) of the grid.
  const BlockCyclic& row_layout() const { return row_layout_; }
  const BlockCyclic& col_layout() const { return col_layout_; }

  LocalIndex local_rows() const { return local_.rows; }
  LocalIndex local_cols() const { return local_.cols; }
  GlobalIndex global_row(LocalIndex i) const { return row_layout_.to_global(i, grid_.row()); }
  GlobalIndex global_col(LocalIndex j) const { return col_layout_.to_global(j, grid_.col()); }
  bool owns(GlobalIndex i, GlobalIndex j) const {
    return row_layout_.owner(i) == grid_.row() && col_layout_.owner(j) == grid_.col();
  }
  /// Rank that holds entry (i, j).
  int owner(GlobalIndex i, GlobalIndex j) const {
    return grid_.rank_of(row_layout_.owner(i), col_layout_.owner(j));
  }

  /// All that this rank holds, local_rows() x local_cols(); its stride is the leading dimension, at least 1.
  MatrixView<T> local() { return local_; }
  MatrixView<const T> local() const { return local_; }
  /// The part of the matrix in global `rows` x `cols`, which must lie inside one block that this rank owns.
  MatrixView<T> local_block(Range rows, Range cols) {
    const LocalRanges place = to_local(rows, cols);
    return local_.block(place.rows, place.cols);
  }
  MatrixView<const T> local_block(Range rows, Range cols) const {
    const LocalRanges place = to_local(rows, cols);
    return local().block(place.rows, place.cols);
  }

  /// Another matrix of the same entries. Collective over the grid; errors as of the constructor.
  DistributedMatrix copy() const;

  /// Sets every entry.
  void fill(T value);

  Descriptor descriptor() const;

 private:
  struct Aligned {
    static constexpr std::align_val_t alignment{64};
    void operator()(T* memory) const { ::operator delete(memory, alignment); }
  };
  struct LocalRanges {
    Range rows;
    Range cols;
  };
  LocalRanges to_local(Range rows, Range cols) const {
    const LocalIndex i = row_layout_.to_local(rows.begin);
    const LocalIndex j = col_layout_.to_local(cols.begin);
    return {{i, i + rows.size()}, {j, j + cols.size()}};
  }

  ProcessGrid grid_;
  BlockCyclic row_layout_;
  BlockCyclic col_layout_;
  std::unique_ptr<T, Aligned> memory_;
  MatrixView<T> local_;
};

extern template class DistributedMatrix<float>;
extern template class DistributedMatrix<double>;

}  // namespace widegram::dist
