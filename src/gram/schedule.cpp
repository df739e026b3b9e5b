#include "src/gram/schedule.hpp"

#include <algorithm>
#include <numeric>

namespace widegram::gram {
namespace {

/// Entries of a block's tiles that are still to be computed: once where two are the same by symmetry.
Index entries_to_compute(const Layout& layout, TileIndex block_row, TileIndex block_col,
                         const std::function<bool(TileIndex, TileIndex)>& done) {
  const Range rows = layout.tiles_of_block(block_row);
  const Range cols = layout.tiles_of_block(block_col);
  const dist::Tiling tiles = layout.tiles();
  Index left = 0;
  for (TileIndex i = rows.begin; i < rows.end; ++i)
    for (TileIndex j = cols.begin; j < std::min(cols.end, i + 1); ++j) {
      if (done && done(i, j)) continue;
      const Index height = tiles.range(i).size();
      left += i == j ? height * (height + 1) / 2 : height * tiles.range(j).size();
    }
  return left;
}

}  // namespace

Schedule::Schedule(const Layout& layout, const std::function<bool(TileIndex, TileIndex)>& done)
    : layout_(layout), loads_(static_cast<std::size_t>(layout.grid.size())) {
  const TileIndex blocks = layout.blocks().count();
  mirrored_.resize(static_cast<std::size_t>(dist::triangle_number(blocks, 0)));
  // First the blocks whose two places are the same rank, so that the others can even them out.
  for (const bool choice : {false, true}) {
    for (TileIndex i = 0; i < blocks; ++i) {
      for (TileIndex j = 0; j <= i; ++j) {
        const auto below = static_cast<std::size_t>(layout.owner(i, j));
        const auto above = static_cast<std::size_t>(layout.owner(j, i));
        if ((below != above) != choice) continue;
        const bool mirror = choice && loads_[above] < loads_[below];
        mirrored_[static_cast<std::size_t>(dist::triangle_number(i, j))] = mirror;
        loads_[mirror ? above : below] += entries_to_compute(layout, i, j, done);
      }
    }
  }
}

bool Schedule::mirrored(TileIndex block_row, TileIndex block_col) const {
  return mirrored_[static_cast<std::size_t>(dist::triangle_number(block_row, block_col))];
}

std::vector<TileTask> Schedule::tasks(int rank) const {
  std::vector<TileTask> list;
  const TileIndex blocks = layout_.blocks().count();
  for (TileIndex bi = 0; bi < blocks; ++bi) {
    for (TileIndex bj = 0; bj <= bi; ++bj) {
      const bool mirror = mirrored(bi, bj);
      if ((mirror ? layout_.owner(bj, bi) : layout_.owner(bi, bj)) != rank) continue;
      const Range rows = layout_.tiles_of_block(bi);
      const Range cols = layout_.tiles_of_block(bj);
      for (TileIndex i = rows.begin; i < rows.end; ++i)
        for (TileIndex j = cols.begin; j < std::min(cols.end, i + 1); ++j) list.push_back({i, j, mirror});
    }
  }
  return list;
}

double Schedule::imbalance() const {
  const Index total = std::accumulate(loads_.begin(), loads_.end(), Index{0});
  if (total == 0) return 1.0;
  const Index most = *std::max_element(loads_.begin(), loads_.end());
  return static_cast<double>(most) * static_cast<double>(loads_.size()) / static_cast<double>(total);
}

std::vector<TileTask> test_tasks(const Layout& layout, GlobalIndex test_samples, int grid_row, int grid_col) {
  const dist::BlockCyclic rows = layout.test_rows(test_samples);
  const dist::BlockCyclic cols = layout.cols();
  const dist::Tiling row_tiles{test_samples, layout.tile};
  std::vector<TileTask> list;
  for (TileIndex i = 0; i < row_tiles.count(); ++i) {
    if (rows.owner(row_tiles.range(i).begin) != grid_row) continue;
    for (TileIndex j = 0; j < layout.tiles().count(); ++j)
      if (cols.owner(layout.tiles().range(j).begin) == grid_col) list.push_back({i, j, false});
  }
  return list;
}

Layout choose_layout(GlobalIndex n, Index tile, dist::GridShape grid, Index preferred_block) {
  Layout best;
  double least = 0;
  for (Index block = std::max(tile, preferred_block / tile * tile); block >= tile; block -= tile) {
    const Layout layout{n, tile, block, grid};
    const double imbalance = Schedule(layout).imbalance();
    if (least == 0 || imbalance < least) {
      best = layout;
      least = imbalance;
    }
    if (imbalance <= 1.02) break;
  }
  return best;
}

}  // namespace widegram::gram
