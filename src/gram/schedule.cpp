#include "src/gram/schedule.hpp"

#include <algorithm>
#include <numeric>

namespace widegram::gram {
namespace {

struct Left {
  Index entries = 0;
  Index tiles = 0;
};

/// What is still to be computed of a block: entries once where two are the same by symmetry.
Left left_to_compute(const Layout& layout, TileIndex block_row, TileIndex block_col,
                     const std::function<bool(TileIndex, TileIndex)>& done) {
  const Range rows = layout.tiles_of_block(block_row);
  const Range cols = layout.tiles_of_block(block_col);
  if (!done) {
    // All of it: no need to look at the tiles one by one, of which a large Gram has many.
    const Index height = layout.blocks().range(block_row).size();
    if (block_row == block_col) return {height * (height + 1) / 2, rows.size() * (rows.size() + 1) / 2};
    return {height * layout.blocks().range(block_col).size(), rows.size() * cols.size()};
  }
  const dist::Tiling tiles = layout.tiles();
  Left left;
  for (TileIndex i = rows.begin; i < rows.end; ++i)
    for (TileIndex j = cols.begin; j < std::min(cols.end, i + 1); ++j) {
      if (done(i, j)) continue;
      const Index height = tiles.range(i).size();
      left.entries += i == j ? height * (height + 1) / 2 : height * tiles.range(j).size();
      left.tiles += 1;
    }
  return left;
}

}  // namespace

Schedule::Schedule(const Layout& layout, const std::function<bool(TileIndex, TileIndex)>& done)
    : layout_(layout), loads_(static_cast<std::size_t>(layout.grid.size())), tile_counts_(loads_.size()) {
  const TileIndex blocks = layout.blocks().count();
  mirrored_.resize(static_cast<std::size_t>(dist::triangle_number(blocks, 0)));
  // Owners are sums of the two; a large Gram has tens of millions of pairs, and divisions take their time.
  std::vector<std::size_t> of_row;
  std::vector<std::size_t> of_col;
  for (TileIndex b = 0; b < blocks; ++b) {
    of_row.push_back(static_cast<std::size_t>(layout.owner(b, 0)));
    of_col.push_back(static_cast<std::size_t>(layout.owner(0, b)));
  }
  // First the blocks whose two places are the same rank, so that the others can even them out.
  for (const bool choice : {false, true}) {
    std::size_t number = 0;
    for (std::size_t i = 0; i < of_row.size(); ++i) {
      for (std::size_t j = 0; j <= i; ++j, ++number) {
        const std::size_t below = of_row[i] + of_col[j];
        const std::size_t above = of_row[j] + of_col[i];
        if ((below != above) != choice) continue;
        const bool mirror = choice && loads_[above] < loads_[below];
        mirrored_[number] = mirror;
        const Left left = left_to_compute(layout, static_cast<TileIndex>(i), static_cast<TileIndex>(j), done);
        loads_[mirror ? above : below] += left.entries;
        tile_counts_[mirror ? above : below] += left.tiles;
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

namespace {

struct Balanced {
  Layout layout;
  double imbalance = 0;
};

Balanced balance(GlobalIndex n, Index tile, dist::GridShape grid, Index preferred_block) {
  constexpr double fine = 1.02;
  Balanced best;
  for (Index block = std::max(tile, preferred_block / tile * tile); block >= tile; block -= tile) {
    const Layout layout{n, tile, block, grid};
    const double imbalance = Schedule(layout).imbalance();
    if (best.imbalance == 0 || imbalance < best.imbalance) best = {layout, imbalance};
    if (imbalance <= fine) break;
  }
  return best;
}

}  // namespace

Layout choose_layout(GlobalIndex n, Index tile, dist::GridShape grid, Index preferred_block) {
  return balance(n, tile, grid, preferred_block).layout;
}

Layout choose_layout(GlobalIndex n, Index tile, int ranks) {
  constexpr double balanced = 1.05;
  constexpr int few = 16;
  constexpr int flattest = 16;
  const dist::GridShape square = dist::GridShape::square(ranks);
  Balanced best = balance(n, tile, square, dist::default_block);
  for (int rows = square.rows - 1; ranks >= few && rows >= 1 && best.imbalance > balanced; --rows) {
    if (ranks % rows != 0) continue;
    if (ranks / rows > flattest * rows) break;
    const Balanced flatter = balance(n, tile, {rows, ranks / rows}, dist::default_block);
    if (flatter.imbalance < best.imbalance) best = flatter;
  }
  return best.layout;
}

}  // namespace widegram::gram
