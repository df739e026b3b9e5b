#pragma once

#include <functional>

#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// Says of a pair of blocks, row > col, whether the one below the diagonal is the one to copy from.
using CopiesFromBelow = std::function<bool(TileIndex row, TileIndex col)>;

/// Completes a symmetric matrix of which one block of each pair (row, col), (col, row) is known, and the
/// lower triangle of each diagonal block. Collective over the grid. Moves n^2 / 2 entries, at most one block
/// column at a time and rank: the extra memory is 2 x block x (local rows + local columns) entries at most.
template <class T>
void mirror(DistributedMatrix<T>& a, const CopiesFromBelow& from_below);

/// The strictly lower triangle into the upper one, so that one buffer can hold a Cholesky factor in its lower
/// triangle while the upper one still holds the matrix.
template <class T>
void mirror_lower(DistributedMatrix<T>& a);

/// The same the other way: the strictly upper triangle into the lower one, within the diagonal blocks too.
template <class T>
void mirror_upper(DistributedMatrix<T>& a);

}  // namespace widegram::dist
