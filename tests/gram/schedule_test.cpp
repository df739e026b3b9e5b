#include "src/gram/schedule.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace widegram::gram {
namespace {

using dist::GridShape;

Layout layout_of(GlobalIndex n, Index tile, Index block, int ranks) {
  return {n, tile, block, GridShape::square(ranks)};
}

TEST(Schedule, EveryTileOfTheTriangleBelongsToOneRankThatHoldsItsInputs) {
  for (const int ranks : {1, 2, 3, 4, 6, 7, 12}) {
    for (const GlobalIndex n : {1, 64, 65, 500, 1797}) {
      const Layout layout = layout_of(n, 64, 128, ranks);
      const Schedule schedule(layout);
      std::set<std::pair<TileIndex, TileIndex>> seen;
      for (int rank = 0; rank < ranks; ++rank) {
        const int grid_row = rank / layout.grid.cols;
        const int grid_col = rank % layout.grid.cols;
        Index entries = 0;
        for (const TileTask& task : schedule.tasks(rank)) {
          EXPECT_GE(task.row, task.col);
          EXPECT_TRUE(seen.insert({task.row, task.col}).second);
          const TileIndex kept_row = task.mirrored ? task.col : task.row;
          const TileIndex kept_col = task.mirrored ? task.row : task.col;
          EXPECT_EQ(layout.rows().owner(kept_row * 64), grid_row);
          EXPECT_EQ(layout.cols().owner(kept_col * 64), grid_col);
          const Index height = layout.tiles().range(task.row).size();
          entries += task.row == task.col ? height * (height + 1) / 2
                                          : height * layout.tiles().range(task.col).size();
        }
        EXPECT_EQ(entries, schedule.loads()[static_cast<std::size_t>(rank)]);
      }
      const TileIndex tiles = layout.tiles().count();
      EXPECT_EQ(static_cast<Index>(seen.size()), tiles * (tiles + 1) / 2);
    }
  }
}

TEST(Schedule, TilesThatAreDoneCostNothingAndTheRestIsSpreadEvenly) {
  const Layout layout = layout_of(4000, 64, 64, 4);
  // A run on one rank that was cut off after two thirds of the rows.
  const Schedule schedule(layout, [](TileIndex row, TileIndex) { return row < 42; });
  Index left = 0;
  for (const Index load : schedule.loads()) left += load;
  EXPECT_EQ(left, 4000 * 4001 / 2 - 42 * 64 * (42 * 64 + 1) / 2);
  EXPECT_LT(schedule.imbalance(), 1.1);
  EXPECT_EQ(Schedule(layout, [](TileIndex, TileIndex) { return true; }).imbalance(), 1.0);
}

TEST(Schedule, RanksFinishTogether) {
  for (const int ranks : {2, 3, 4, 6, 7, 8})
    EXPECT_LT(Schedule(choose_layout(10000, 64, GridShape::square(ranks))).imbalance(), 1.02) << ranks;
  EXPECT_LT(Schedule(choose_layout(60000, 64, GridShape::square(256))).imbalance(), 1.05);
}

TEST(Schedule, FourThousandRanksFinishTogether) {
  for (const GlobalIndex n : {50000, 1000000}) {
    const Layout layout = choose_layout(n, 64, 4096);
    EXPECT_EQ(layout.grid.size(), 4096);
    const Schedule schedule(layout);
    EXPECT_EQ(std::ssize(schedule.loads()), 4096);
    EXPECT_LE(schedule.imbalance(), 1.05) << n;
  }
}

TEST(Schedule, AGridIsAsSquareAsItsBalanceAllows) {
  EXPECT_EQ(choose_layout(1000000, 64, 4096).grid, GridShape::square(4096));
  EXPECT_NE(choose_layout(50000, 64, 4096).grid, GridShape::square(4096));
  // Whatever its balance, a small one stays as it is.
  for (const int ranks : {1, 2, 4, 6, 7, 12})
    EXPECT_EQ(choose_layout(300, 64, ranks).grid, GridShape::square(ranks)) << ranks;
}

TEST(Schedule, CountsTilesAsItLists) {
  for (const int ranks : {1, 4, 6}) {
    const Layout layout = choose_layout(1500, 64, ranks);
    for (const bool some : {false, true}) {
      const Schedule schedule =
          some ? Schedule(layout, [](TileIndex row, TileIndex) { return row < 5; }) : Schedule(layout);
      Index total = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Index counted = schedule.tile_counts()[static_cast<std::size_t>(rank)];
        if (!some) {
          EXPECT_EQ(counted, std::ssize(schedule.tasks(rank)));
        }
        total += counted;
      }
      EXPECT_EQ(total, 24 * 25 / 2 - (some ? 5 * 6 / 2 : 0));
    }
  }
}

TEST(Schedule, TilesOnTheDiagonalAndAtTheEdgeCountForWhatTheyHold) {
  for (const int ranks : {2, 3})
    EXPECT_LT(Schedule(choose_layout(1000, 64, GridShape::square(ranks))).imbalance(), 1.01) << ranks;
}

TEST(Schedule, MoreRanksThanTilesLeavesSomeIdle) {
  const Layout layout = choose_layout(100, 64, GridShape::square(7));
  const Schedule schedule(layout);
  Index total = 0;
  for (const Index load : schedule.loads()) total += load;
  EXPECT_EQ(total, 100 * 101 / 2);
}

}  // namespace
}  // namespace widegram::gram
