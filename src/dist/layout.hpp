#pragma once

#include "src/base/index.hpp"
#include "src/dist/block_cyclic.hpp"

namespace widegram::dist {

/// Edge of the blocks that matrices are dealt out in, unless the caller knows better: a multiple of the
/// 64-entry tile, and the fastest for the factorisation (tests/bench/cholesky_bench.cpp).
inline constexpr Index default_block = 128;

/// ScaLAPACK addresses what one rank holds with 32-bit integers.
inline constexpr Index most_entries_a_rank = (Index{1} << 31) - 1;

/// Rows and columns of a grid of processes.
struct GridShape {
  int rows = 1;
  int cols = 1;

  int size() const { return rows * cols; }
  /// As square as `ranks` allows with rows <= cols: 6 -> 2 x 3, 7 -> 1 x 7.
  static GridShape square(int ranks);
  friend bool operator==(const GridShape&, const GridShape&) = default;
};

/// Entries of a rows x cols matrix on the process that holds most, which is the first one. Plain arithmetic,
/// for plans of matrices that are not there yet.
Index most_local_entries(GridShape shape, GlobalIndex rows, GlobalIndex cols, Index block);

/// Smallest number of ranks on whose square grid no rank holds more than `limit` entries; block * block must
/// not pass it.
Index ranks_needed(GlobalIndex rows, GlobalIndex cols, Index block, Index limit = most_entries_a_rank);

/// Throws Error(usage) where a rank of the grid would hold more than `limit` entries, naming the number of
/// ranks that will do.
void check_local_entries(GridShape shape, GlobalIndex rows, GlobalIndex cols, Index block,
                         Index limit = most_entries_a_rank);

}  // namespace widegram::dist
