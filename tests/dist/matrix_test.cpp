#include "src/dist/matrix.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/symmetry.hpp"
#include "tests/dist/support.hpp"

namespace widegram::dist {
namespace {

TEST(ProcessGrid, PlacesRanksRowByRow) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const ProcessGrid grid = ProcessGrid::square(comm);
  EXPECT_EQ(grid.rows() * grid.cols(), comm.size());
  EXPECT_EQ(grid.rank_of(grid.row(), grid.col()), comm.rank());
}

TEST(ProcessGrid, HasTheShapeThatIsAskedFor) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const ProcessGrid grid = ProcessGrid::of(comm, {comm.size(), 1});
  EXPECT_EQ(grid.shape(), (GridShape{comm.size(), 1}));
  EXPECT_EQ(grid.row(), comm.rank());
  EXPECT_THROW(ProcessGrid::of(comm, {comm.size() + 1, 1}), std::logic_error);
}

TEST(ProcessGrid, LivesAsLongAsItsMatrices) {
  const mpi::Communicator comm = mpi::Communicator::world();
  std::optional<DistributedMatrix<double>> a;
  {
    const ProcessGrid grid = ProcessGrid::square(comm);
    a.emplace(grid, 9, 9, 4);
  }
  a->fill(2.0);
  const DistributedMatrix<double> moved = std::move(*a);
  a.reset();
  EXPECT_EQ(gather(moved)(8, 8), 2.0);
  EXPECT_EQ(mean_diagonal(moved), 2.0);
}

TEST(DistributedMatrix, OwnersCoverEachEntryOnce) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const ProcessGrid grid = ProcessGrid::square(comm);
  for (const auto [n, block] : sizes) {
    const DistributedMatrix<float> a(grid, n, n + 3, block);
    EXPECT_EQ(comm.sum(a.local_rows() * a.local_cols()), n * (n + 3));
    EXPECT_GE(a.local().stride, 1);
    for (GlobalIndex i = 0; i < n; ++i)
      for (GlobalIndex j = 0; j < n + 3; ++j) EXPECT_EQ(a.owns(i, j), a.owner(i, j) == comm.rank());
    EXPECT_EQ(comm.max(a.local_rows() * a.local_cols()), most_local_entries(grid.shape(), n, n + 3, block));
  }
}

TEST(DistributedMatrix, ScatterGatherAndBlocksAgree) {
  const ProcessGrid grid = ProcessGrid::square(mpi::Communicator::world());
  for (const auto [n, block] : sizes) {
    const Matrix<double> whole = filled<double>(n, 2 * n, &named_entry<double>);
    DistributedMatrix<double> a(grid, n, 2 * n, block);
    a.fill(-1);
    scatter<double>(whole.view(), a);
    const Matrix<double> back = gather(a);
    for (GlobalIndex j = 0; j < 2 * n; ++j)
      for (GlobalIndex i = 0; i < n; ++i) {
        EXPECT_EQ(back(i, j), whole(i, j));
        if (a.owns(i, j)) {
          EXPECT_EQ(a.local_block({i, i + 1}, {j, j + 1})(0, 0), whole(i, j));
        }
      }
  }
}

template <class T>
void expect_mirrored(bool from_lower) {
  const ProcessGrid grid = ProcessGrid::square(mpi::Communicator::world());
  for (const auto [n, block] : sizes) {
    DistributedMatrix<T> a(grid, n, n, block);
    scatter<T>(filled<T>(n, n, &named_entry<T>).view(), a);
    from_lower ? mirror_lower(a) : mirror_upper(a);
    const Matrix<T> mirrored = gather(a);
    for (GlobalIndex j = 0; j < n; ++j)
      for (GlobalIndex i = j; i < n; ++i) {
        const T kept = from_lower ? named_entry<T>(i, j) : named_entry<T>(j, i);
        EXPECT_EQ(mirrored(i, j), kept);
        EXPECT_EQ(mirrored(j, i), kept);
      }
  }
}

TEST(Symmetry, LowerTriangleGoesUp) {
  expect_mirrored<double>(true);
  expect_mirrored<float>(true);
}

TEST(Symmetry, UpperTriangleGoesDown) { expect_mirrored<double>(false); }

}  // namespace
}  // namespace widegram::dist
