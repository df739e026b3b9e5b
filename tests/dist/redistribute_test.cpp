#include "src/dist/redistribute.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/mpi/agree.hpp"
#include "tests/dist/support.hpp"

namespace widegram::dist {
namespace {

/// The columns that this rank holds of a features x n matrix with named entries, with unused rows below each
/// column.
template <class T>
Matrix<T> held_columns(Index features, Range held) {
  return filled<T>(features + 2, held.size(),
                   [&](GlobalIndex i, GlobalIndex j) { return named_entry<T>(i, held.begin + j); });
}

template <class T>
MatrixView<const T> without_unused(const Matrix<T>& columns) {
  return {columns.data(), columns.rows() - 2, columns.cols(), columns.rows()};
}

TEST(FetchColumns, BringsEachRankWhatItAsksForInItsOrder) {
  const mpi::Communicator comm = mpi::Communicator::world();
  for (const GlobalIndex n : {1, 5, 64, 200}) {
    const Partition held{n, comm.size(), 16};
    const Matrix<float> mine = held_columns<float>(3, held.range(comm.rank()));
    std::vector<GlobalIndex>
        wanted;  // every (rank + 1)th sample from the end, the last one twice; rank 1 wants nothing
    if (comm.rank() != 1)
      for (GlobalIndex i = n - 1; i >= 0; i -= comm.rank() + 1) wanted.push_back(i);
    if (!wanted.empty()) wanted.push_back(n - 1);
    const Matrix<float> got =
        fetch_columns(comm, without_unused(mine), held, std::span<const GlobalIndex>(wanted));
    ASSERT_EQ(got.rows(), 3);
    ASSERT_EQ(got.cols(), static_cast<Index>(wanted.size()));
    for (Index j = 0; j < got.cols(); ++j)
      for (Index i = 0; i < 3; ++i)
        EXPECT_EQ(got(i, j), named_entry<float>(i, wanted[static_cast<std::size_t>(j)]));
  }
}

TEST(FetchColumns, TakesManyRoundsWhereColumnsAreLong) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Index features = (Index{1} << 20) - 2;  // two 8 MiB columns fill a good part of the buffers
  const Partition held{9, comm.size(), 1};
  const Matrix<double> mine =
      filled<double>(features + 2, held.range(comm.rank()).size(), [&](GlobalIndex i, GlobalIndex j) {
        return static_cast<double>(i + 7 * (held.range(comm.rank()).begin + j));
      });
  std::vector<GlobalIndex> wanted;
  if (comm.rank() == comm.size() - 1) wanted = {8, 0, 3, 5, 1, 2, 4, 6, 7};
  const Matrix<double> got =
      fetch_columns(comm, without_unused(mine), held, std::span<const GlobalIndex>(wanted));
  for (Index j = 0; j < got.cols(); ++j)
    for (const Index i : {Index{0}, features / 2, features - 1})
      EXPECT_EQ(got(i, j), static_cast<double>(i + 7 * wanted[static_cast<std::size_t>(j)]));
}

TEST(FetchColumns, AWishForWhatIsNotThereStopsAllRanks) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Partition held{10, comm.size(), 1};
  const Matrix<float> mine = held_columns<float>(3, held.range(comm.rank()));
  const std::vector<GlobalIndex> wanted{comm.rank() == comm.size() - 1 ? GlobalIndex{10} : GlobalIndex{0}};
  try {
    fetch_columns(comm, without_unused(mine), held, std::span<const GlobalIndex>(wanted));
    FAIL();
  } catch (const mpi::CollectiveError& e) {
    EXPECT_NE(std::string(e.what()).find("sample 10"), std::string::npos) << e.what();
  }
}

TEST(ToBlockCyclic, TurnsColumnsIntoRowsOnTheGridAndBack) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const ProcessGrid grid = ProcessGrid::square(comm);
  for (const Index targets : {1, 10})
    for (const auto [n, block] : sizes) {
      const Partition held{n, comm.size(), 4};
      const Matrix<double> mine = held_columns<double>(targets, held.range(comm.rank()));
      const DistributedMatrix<double> b = to_block_cyclic(grid, without_unused(mine), held, block);
      const Matrix<double> whole = gather(b);
      ASSERT_EQ(whole.rows(), n);
      ASSERT_EQ(whole.cols(), targets);
      for (GlobalIndex i = 0; i < n; ++i)
        for (Index k = 0; k < targets; ++k) EXPECT_EQ(whole(i, k), named_entry<double>(k, i));
    }
}

}  // namespace
}  // namespace widegram::dist
