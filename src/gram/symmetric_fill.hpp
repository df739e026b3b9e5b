#pragma once

#include "src/dist/matrix.hpp"
#include "src/gram/schedule.hpp"

namespace widegram::gram {

/// Puts a training tile where this rank keeps it: at its own place, or transposed at the mirrored one. Both
/// lie in one block that this rank owns. T: the matrix's precision, at least that of the entries.
template <class T, class Real>
void place_tile(dist::DistributedMatrix<T>& gram, const Layout& layout, const TileTask& task,
                MatrixView<const Real> values) {
  const Range rows = layout.tiles().range(task.row);
  const Range cols = layout.tiles().range(task.col);
  if (task.mirrored) {
    const MatrixView<T> place = gram.local_block(cols, rows);
    for (Index i = 0; i < place.cols; ++i)
      for (Index j = 0; j < place.rows; ++j) place(j, i) = values(i, j);
  } else {
    const MatrixView<T> place = gram.local_block(rows, cols);
    for (Index j = 0; j < place.cols; ++j)
      for (Index i = 0; i < place.rows; ++i) place(i, j) = values(i, j);
  }
}

}  // namespace widegram::gram
