#include "src/dist/matrix.hpp"

#include <algorithm>

#include "src/mpi/agree.hpp"

namespace widegram::dist {

template <class T>
DistributedMatrix<T>::DistributedMatrix(const ProcessGrid& grid, GlobalIndex rows, GlobalIndex cols,
                                        Index block)
    : grid_(grid.share()), row_layout_{rows, block, grid.rows()}, col_layout_{cols, block, grid.cols()} {
  mpi::collectively(grid_.comm(), [&] {
    check_local_entries(grid_.shape(), rows, cols, block);
    const LocalIndex held_rows = row_layout_.local_extent(grid_.row());
    const LocalIndex held_cols = col_layout_.local_extent(grid_.col());
    const auto bytes = static_cast<std::size_t>(std::max<Index>(1, held_rows * held_cols)) * sizeof(T);
    memory_.reset(static_cast<T*>(::operator new(bytes, Aligned::alignment)));
    local_ = {memory_.get(), held_rows, held_cols, std::max<Index>(1, held_rows)};
  });
}

template <class T>
DistributedMatrix<T> DistributedMatrix<T>::copy() const {
  DistributedMatrix other(grid_, rows(), cols(), block());
  std::copy_n(local_.data, local_.rows * local_.cols, other.local_.data);
  return other;
}

template <class T>
void DistributedMatrix<T>::fill(T value) {
  std::fill_n(local_.data, local_.rows * local_.cols, value);
}

template <class T>
Descriptor DistributedMatrix<T>::descriptor() const {
  constexpr int dense = 1;
  return {dense,
          grid_.context(),
          to_int(rows(), "matrix rows"),
          to_int(cols(), "matrix columns"),
          to_int(block(), "block"),
          to_int(block(), "block"),
          0,
          0,
          to_int(local_.stride, "rows of a rank")};
}

template class DistributedMatrix<float>;
template class DistributedMatrix<double>;

}  // namespace widegram::dist
