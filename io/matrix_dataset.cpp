#include "io/matrix_dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace widegram::io {

namespace {

/// Calls f(place in the dataset, the block's local part) for each block that this rank holds.
template <class Matrix, class F>
void for_each_block(Matrix& matrix, Blocks which, F&& f) {
  const Index block = matrix.block();
  for (LocalIndex j = 0; j < matrix.local_cols(); j += block)
    for (LocalIndex i = 0; i < matrix.local_rows(); i += block) {
      const Range rows{i, std::min(i + block, matrix.local_rows())};
      const Range cols{j, std::min(j + block, matrix.local_cols())};
      const hdf5::Block place{{matrix.global_row(i), matrix.global_col(j)}, {rows.size(), cols.size()}};
      if (which == Blocks::all || place.begin[0] >= place.begin[1])
        f(place, matrix.local().block(rows, cols));
    }
}

void check_shape(const hdf5::Dataset& dataset, const dist::DistributedMatrix<double>& matrix) {
  const std::vector<Index> shape = dataset.shape();
  if (shape != std::vector<Index>{matrix.rows(), matrix.cols()})
    throw Error(dataset.origin().code,
                fmt::format("{} is not the {} x {} matrix that it should be: remove the file "
                            "and compute it again",
                            dataset.origin().name, matrix.rows(), matrix.cols()));
}

}  // namespace

hdf5::DatasetLayout matrix_layout(GlobalIndex rows, GlobalIndex cols, Index block) {
  return {.shape = {rows, cols}, .chunk = {block, block}};
}

void write_blocks(const hdf5::Dataset& dataset, const dist::DistributedMatrix<double>& matrix, Blocks which) {
  check_shape(dataset, matrix);
  std::vector<double> values;
  for_each_block(matrix, which, [&](const hdf5::Block& place, MatrixView<const double> part) {
    values.clear();
    for (Index i = 0; i < part.rows; ++i)
      for (Index j = 0; j < part.cols; ++j) values.push_back(part(i, j));
    dataset.write<double>(place, values);
  });
}

void read_blocks(const hdf5::Dataset& dataset, dist::DistributedMatrix<double>& matrix, Blocks which) {
  check_shape(dataset, matrix);
  std::vector<double> values;
  for_each_block(matrix, which, [&](const hdf5::Block& place, MatrixView<double> part) {
    values.resize(static_cast<std::size_t>(place.size()));
    dataset.read<double>(place, values);
    for (Index i = 0; i < part.rows; ++i)
      for (Index j = 0; j < part.cols; ++j) part(i, j) = values[static_cast<std::size_t>(i * part.cols + j)];
  });
}

}  // namespace widegram::io
