#include "src/dist/stored_operator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "src/dist/redistribute.hpp"
#include "tests/dist/support.hpp"

namespace widegram::dist {
namespace {

/// Symmetric, and no two entries of a triangle alike.
double entry(GlobalIndex i, GlobalIndex j) {
  return 1.0 / (1.0 + static_cast<double>(i + j)) + 0.01 * static_cast<double>(i * j) + (i == j ? 3.0 : 0.0);
}

double wave(GlobalIndex i, GlobalIndex j) { return std::sin(static_cast<double>(i + 5 * j)); }

class StoredOperatorTest : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  DistributedMatrix<double> matrix(GlobalIndex n, Index block) const {
    DistributedMatrix<double> a(grid_, n, n, block);
    scatter<double>(filled<double>(n, n, &entry).view(), a);
    return a;
  }
};

TEST_F(StoredOperatorTest, MultipliesABlockOfVectorsOfAnyWidth) {
  for (const auto [n, block] : sizes)
    for (const Index k : {0, 1, 3, 6, 10, 16, 17, 32, 33, 80}) {
      const DistributedMatrix<double> a = matrix(n, block);
      const StoredOperator op(a);
      const Range part = op.part();
      // Views with a stride, since solvers hand out columns of what they keep.
      Matrix<double> x(part.size() + 3, k);
      Matrix<double> y(part.size() + 2, k);
      for (Index j = 0; j < k; ++j)
        for (Index i = 0; i < part.size(); ++i) x(i, j) = wave(part.begin + i, j);
      op.apply(x.view().block({0, part.size()}, {0, k}), y.view().block({0, part.size()}, {0, k}));
      for (Index i = 0; i < part.size(); ++i)
        for (Index j = 0; j < k; ++j) {
          double expected = 0;
          for (GlobalIndex m = 0; m < n; ++m) expected += entry(part.begin + i, m) * wave(m, j);
          ASSERT_NEAR(y(i, j), expected, 1e-11) << "n " << n << " k " << k;
        }
      for (Index j = 0; j < k; ++j) ASSERT_EQ(y(part.size(), j), 0) << "below the part nothing is written";
    }
}

TEST_F(StoredOperatorTest, KnowsItsDiagonalAndAnyColumnsToTheBit) {
  for (const auto [n, block] : sizes) {
    const DistributedMatrix<double> a = matrix(n, block);
    const StoredOperator op(a);
    const Range part = op.part();
    const std::vector<double> diagonal = op.diagonal();
    ASSERT_EQ(static_cast<Index>(diagonal.size()), part.size());
    for (Index i = 0; i < part.size(); ++i)
      EXPECT_EQ(diagonal[static_cast<std::size_t>(i)], entry(part.begin + i, part.begin + i));
    std::vector<GlobalIndex> all(static_cast<std::size_t>(n));
    std::iota(all.rbegin(), all.rend(), 0);
    all.push_back(n / 2);  // asked for twice
    for (const std::vector<GlobalIndex>& chosen : {all, {n - 1}, {}}) {
      const Matrix<double> columns = op.columns(chosen);
      ASSERT_EQ(columns.rows(), part.size());
      ASSERT_EQ(columns.cols(), static_cast<Index>(chosen.size()));
      for (Index j = 0; j < columns.cols(); ++j)
        for (Index i = 0; i < columns.rows(); ++i)
          ASSERT_EQ(columns(i, j), entry(part.begin + i, chosen[static_cast<std::size_t>(j)]));
    }
    EXPECT_THROW(op.columns(std::vector<GlobalIndex>{n}), std::logic_error);
  }
}

TEST_F(StoredOperatorTest, AnyMatrixHasItsColumnsInParts) {
  for (const Index granule : {1, 16})
    for (const auto [n, block] : sizes) {
      const Index width = 2 * block + 3;
      DistributedMatrix<double> a(grid_, n, width, block);
      scatter<double>(filled<double>(n, width, &wave).view(), a);
      const Partition layout{n, grid_.comm().size(), granule};
      const Range part = layout.range(grid_.comm().rank());
      const std::vector<GlobalIndex> chosen{width - 1, 0, block, 0};
      const Matrix<double> columns = columns_in_parts(a, layout, chosen);
      ASSERT_EQ(columns.rows(), part.size());
      ASSERT_EQ(columns.cols(), 4);
      for (Index j = 0; j < 4; ++j)
        for (Index i = 0; i < part.size(); ++i)
          ASSERT_EQ(columns(i, j), wave(part.begin + i, chosen[static_cast<std::size_t>(j)]));
    }
}

TEST_F(StoredOperatorTest, PartsOfABlockAreGathered) {
  const DistributedMatrix<double> a = matrix(23, 4);
  const StoredOperator op(a);
  const Range part = op.part();
  const Matrix<double> mine =
      filled<double>(part.size(), 2, [&](GlobalIndex i, GlobalIndex j) { return wave(part.begin + i, j); });
  const Matrix<double> whole = gather_parts(op.comm(), op.layout(), mine.view());
  for (Index j = 0; j < 2; ++j)
    for (GlobalIndex i = 0; i < 23; ++i) EXPECT_EQ(whole(i, j), wave(i, j));
}

}  // namespace
}  // namespace widegram::dist
