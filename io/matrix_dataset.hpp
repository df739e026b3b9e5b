#pragma once

#include "io/hdf5.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::io {

/// Matrices that are spread over a grid, in a file as plain two-dimensional datasets. Each rank moves the
/// blocks that it holds, when it likes: nothing is gathered, and a file that one number of ranks has written
/// is read by any other.

/// Which blocks move: all, or those on and below the diagonal (the others stay zero in a new file).
enum class Blocks { all, lower };

/// A dataset in chunks of one block each.
hdf5::DatasetLayout matrix_layout(GlobalIndex rows, GlobalIndex cols, Index block);

/// Local. The dataset has the matrix's shape.
void write_blocks(const hdf5::Dataset& dataset, const dist::DistributedMatrix<double>& matrix, Blocks which);
void read_blocks(const hdf5::Dataset& dataset, dist::DistributedMatrix<double>& matrix, Blocks which);

}  // namespace widegram::io
