#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "src/dist/block_cyclic.hpp"
#include "src/dist/layout.hpp"
#include "src/dist/tiling.hpp"

namespace widegram::gram {

/// How an n x n Gram is cut into tiles (computed, checksummed and saved as one; a tile's edge is the user's
/// and never depends on the ranks) and dealt out in blocks of whole tiles over a grid of ranks, as ScaLAPACK
/// wants them.
struct Layout {
  GlobalIndex n = 0;
  Index tile = 64;
  Index block = dist::default_block;
  dist::GridShape grid;

  dist::Tiling tiles() const { return {n, tile}; }
  dist::Tiling blocks() const { return {n, block}; }
  dist::BlockCyclic rows() const { return {n, block, grid.rows}; }
  dist::BlockCyclic cols() const { return {n, block, grid.cols}; }
  /// Rows of the test x train block, which has the columns of the training Gram.
  dist::BlockCyclic test_rows(GlobalIndex test_samples) const { return {test_samples, block, grid.rows}; }
  /// Tiles that lie in block b of one dimension.
  Range tiles_of_block(TileIndex b) const {
    return {b * (block / tile), std::min(tiles().count(), (b + 1) * (block / tile))};
  }
  /// Rank that owns the block: grid positions are numbered row by row.
  int owner(TileIndex block_row, TileIndex block_col) const {
    return static_cast<int>(block_row % grid.rows) * grid.cols + static_cast<int>(block_col % grid.cols);
  }
};

/// One tile of the lower triangle that a rank has to provide.
struct TileTask {
  TileIndex row = 0;
  TileIndex col = 0;
  bool mirrored = false;  ///< this rank owns (col, row), the tile's place above the diagonal, and keeps it
                          ///< there transposed
};

/// Which rank computes which tile of the lower triangle, so that all finish together.
///
/// The inputs behind block (I, J) are at hand in two places: with the owner of (I, J), which holds rows I and
/// columns J, and with the owner of (J, I), which holds rows J and columns I. A greedy walk, the same on
/// every rank, gives each pair of blocks to the one of the two with less to do. No inputs move for it; where
/// the whole symmetric matrix is wanted, each tile crosses once to its mirrored place whoever computed it.
/// Cost: O((n / block)^2) time and bits on every rank.
class Schedule {
 public:
  /// `done(row, col)`: tiles that need no computing (they cost nothing but stay in the lists). None where
  /// empty.
  explicit Schedule(const Layout& layout, const std::function<bool(TileIndex, TileIndex)>& done = {});

  const Layout& layout() const { return layout_; }
  /// Tiles of one rank, block by block; tiles of a block row follow each other.
  std::vector<TileTask> tasks(int rank) const;
  /// Whether the pair of blocks (I, J), I >= J, is computed by the owner of (J, I).
  bool mirrored(TileIndex block_row, TileIndex block_col) const;
  /// Entries left to compute, a rank.
  const std::vector<Index>& loads() const { return loads_; }
  /// Tiles that they lie in, a rank.
  const std::vector<Index>& tile_counts() const { return tile_counts_; }
  /// Largest load over the mean load; 1 where there is nothing to do.
  double imbalance() const;

 private:
  Layout layout_;
  std::vector<bool> mirrored_;
  std::vector<Index> loads_;
  std::vector<Index> tile_counts_;
};

/// Tiles of the test x train block that belong to a grid position: all that lie in its own blocks.
std::vector<TileTask> test_tasks(const Layout& layout, GlobalIndex test_samples, int grid_row, int grid_col);

/// The layout for n samples on a grid: the largest block of whole tiles up to `preferred_block` whose
/// schedule is balanced to 2 %, else the one with the least imbalance.
Layout choose_layout(GlobalIndex n, Index tile, dist::GridShape grid,
                     Index preferred_block = dist::default_block);

/// The same with the grid left open: as square as `ranks` allows, which factorisations like best, unless its
/// schedule is more than 5 % out of balance and a flatter one does better. On a square grid the two owners of
/// a pair of blocks are the same two ranks for all pairs, so that only blocks in plenty even them out; on a
/// flat one each rank shares with several others. Fewer than 16 ranks stay square, and no grid gets flatter
/// than 16 columns a row.
Layout choose_layout(GlobalIndex n, Index tile, int ranks);

}  // namespace widegram::gram
