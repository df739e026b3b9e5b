#pragma once

#include <span>

#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// The chosen rows and columns, in the order given (repeats allowed), as a matrix on the same grid in blocks
/// of the same size. Every rank brings the same lists. Collective over the grid; each entry crosses the
/// network once, with at most about 64 MiB of buffers a rank. Throws CollectiveError(usage) naming an index
/// that is not there.
DistributedMatrix<double> submatrix(const DistributedMatrix<double>& a, std::span<const GlobalIndex> rows,
                                    std::span<const GlobalIndex> cols);

}  // namespace widegram::dist
