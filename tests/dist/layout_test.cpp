#include "src/dist/layout.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/dist/matrix.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::dist {
namespace {

TEST(BlockCyclic, AgreesWithDealingOutOneIndexAfterAnother) {
  for (const GlobalIndex extent : {0, 1, 3, 4, 5, 12, 37, 64})
    for (const Index block : {1, 3, 4, 7})
      for (const int processes : {1, 2, 3, 7}) {
        const BlockCyclic layout{extent, block, processes};
        std::vector<Index> held(static_cast<std::size_t>(processes));
        int process = 0;
        for (GlobalIndex i = 0; i < extent; ++i) {
          if (i > 0 && i % block == 0) process = (process + 1) % processes;
          EXPECT_EQ(layout.owner(i), process);
          EXPECT_EQ(layout.to_local(i), held[static_cast<std::size_t>(process)]);
          EXPECT_EQ(layout.to_global(layout.to_local(i), process), i);
          ++held[static_cast<std::size_t>(process)];
        }
        for (int p = 0; p < processes; ++p)
          EXPECT_EQ(layout.local_extent(p), held[static_cast<std::size_t>(p)]);
      }
}

TEST(Partition, CoversEachSampleOnceAndCutsAtGranules) {
  for (const GlobalIndex extent : {0, 1, 63, 64, 65, 1000})
    for (const int ranks : {1, 2, 3, 7})
      for (const Index granule : {1, 64}) {
        const Partition partition{extent, ranks, granule};
        GlobalIndex next = 0;
        for (int rank = 0; rank < ranks; ++rank) {
          const Range range = partition.range(rank);
          EXPECT_EQ(range.begin, next);
          EXPECT_TRUE(range.begin % granule == 0 || range.begin == extent);
          for (GlobalIndex i = range.begin; i < range.end; ++i) EXPECT_EQ(partition.owner(i), rank);
          next = range.end;
        }
        EXPECT_EQ(next, extent);
      }
}

TEST(GridShape, IsAsSquareAsTheRanksAllow) {
  EXPECT_EQ(GridShape::square(1), (GridShape{1, 1}));
  EXPECT_EQ(GridShape::square(6), (GridShape{2, 3}));
  EXPECT_EQ(GridShape::square(7), (GridShape{1, 7}));
  EXPECT_EQ(GridShape::square(32), (GridShape{4, 8}));
  EXPECT_EQ(GridShape::square(4096), (GridShape{64, 64}));
}

TEST(EntryLimit, NamesTheSmallestNumberOfRanksThatDoes) {
  const Index limit = 5000;
  for (const GlobalIndex n : {10, 71, 300, 1000}) {
    int ranks = 1;
    while (most_local_entries(GridShape::square(ranks), n, n, 16) > limit) ++ranks;
    EXPECT_EQ(ranks_needed(n, n, 16, limit), ranks) << n;
  }
  EXPECT_NO_THROW(check_local_entries({1, 1}, 46340, 46340, 128));
  try {
    check_local_entries({1, 1}, 100000, 100000, 128);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::usage);
    EXPECT_NE(std::string(e.what()).find("run on 5 ranks"), std::string::npos) << e.what();
  }
}

TEST(EntryLimit, StopsAMatrixOnAllRanksBeforeAnythingIsAllocated) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const ProcessGrid grid = ProcessGrid::square(comm);
  EXPECT_THROW(DistributedMatrix<float>(grid, 1'000'000, 1'000'000), mpi::CollectiveError);
  EXPECT_EQ(most_local_entries({2, 2}, 1'000'000, 1'000'000, 64), Index{500032} * 500032);
}

}  // namespace
}  // namespace widegram::dist
