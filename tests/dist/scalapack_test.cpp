#include "src/dist/scalapack.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "src/dist/redistribute.hpp"
#include "src/dist/stored_operator.hpp"
#include "tests/dist/support.hpp"

namespace widegram::dist {
namespace {

/// Symmetric and positive definite: 2 on the diagonal, decaying away from it.
double decaying(GlobalIndex i, GlobalIndex j) {
  return (i == j ? 1.0 : 0.0) + 1.0 / (1.0 + static_cast<double>((i - j) * (i - j)));
}

double wave(GlobalIndex i, GlobalIndex j) { return std::sin(static_cast<double>(i + 5 * j + 1)); }

template <class T>
DistributedMatrix<T> distributed(const ProcessGrid& grid, const Matrix<T>& whole, Index block) {
  DistributedMatrix<T> a(grid, whole.rows(), whole.cols(), block);
  scatter<T>(whole.view(), a);
  return a;
}

/// Solves, multiplies back with the triangle that the factor has left alone, and compares.
template <class T>
void expect_round_trip(double tolerance) {
  const ProcessGrid grid = ProcessGrid::square(mpi::Communicator::world());
  for (const auto [n, block] : sizes) {
    const DistributedMatrix<T> a = distributed(grid, filled<T>(n, n, &decaying), block);
    DistributedMatrix<T> factor = distributed(grid, filled<T>(n, n, &decaying), block);
    const Matrix<T> b = filled<T>(n, 10, &wave);
    DistributedMatrix<T> x = distributed(grid, b, block);
    EXPECT_EQ(potrf(factor), 0);
    potrs(factor, x);
    DistributedMatrix<T> product(grid, n, 10, block);
    symm(Triangle::upper, a, x, product);
    const Matrix<T> back = gather(product);
    const Matrix<T> both = gather(factor);
    for (GlobalIndex j = 0; j < 10; ++j)
      for (GlobalIndex i = 0; i < n; ++i) EXPECT_NEAR(back(i, j), b(i, j), tolerance);
    for (GlobalIndex j = 0; j < n; ++j)
      for (GlobalIndex i = 0; i < j; ++i) EXPECT_EQ(both(i, j), static_cast<T>(decaying(i, j)));
  }
}

TEST(Scalapack, FactorSolveMultiplyInDouble) { expect_round_trip<double>(1e-13); }
TEST(Scalapack, FactorSolveMultiplyInFloat) { expect_round_trip<float>(1e-5); }

TEST(Scalapack, StretchesOfColumnsMakeTheSameFactorAndFindTheSameMinor) {
  const ProcessGrid grid = ProcessGrid::square(mpi::Communicator::world());
  constexpr GlobalIndex n = 61;
  constexpr Index block = 4;
  DistributedMatrix<double> at_once = distributed(grid, filled<double>(n, n, &decaying), block);
  DistributedMatrix<double> in_stretches = distributed(grid, filled<double>(n, n, &decaying), block);
  std::vector<GlobalIndex> heard;
  EXPECT_EQ(potrf(at_once), 0);
  EXPECT_EQ(potrf(
                in_stretches, [&](GlobalIndex columns) { heard.push_back(columns); }, 17),
            0);
  EXPECT_EQ(heard, (std::vector<GlobalIndex>{20, 40, 60, 61}));
  const Matrix<double> one = gather(at_once);
  const Matrix<double> other = gather(in_stretches);
  for (GlobalIndex j = 0; j < n; ++j)
    for (GlobalIndex i = 0; i < n; ++i) EXPECT_NEAR(one(i, j), other(i, j), 1e-14);

  for (const GlobalIndex bad : {0, 19, 20, 45, 60}) {
    DistributedMatrix<double> indefinite = distributed(grid, filled<double>(n, n, &decaying), block);
    if (indefinite.owns(bad, bad)) indefinite.local_block({bad, bad + 1}, {bad, bad + 1})(0, 0) = -1;
    EXPECT_EQ(potrf(indefinite, {}, 17), bad + 1);
  }
}

TEST(Scalapack, TransposesToTheBit) {
  const ProcessGrid grid = ProcessGrid::square(mpi::Communicator::world());
  for (const auto [n, block] : sizes)
    for (const Index m : {Index{1}, block, 3 * block + 1}) {
      const DistributedMatrix<double> a = distributed(grid, filled<double>(m, n, &wave), block);
      DistributedMatrix<double> turned(grid, n, m, block);
      transpose(a, turned);
      const Matrix<double> whole = gather(turned);
      for (GlobalIndex j = 0; j < m; ++j)
        for (GlobalIndex i = 0; i < n; ++i) ASSERT_EQ(whole(i, j), wave(j, i));
      DistributedMatrix<double> wrong(grid, n + 1, m, block);
      EXPECT_THROW(transpose(a, wrong), std::logic_error);
    }
}

TEST(Scalapack, OperandsThatDoNotGoTogetherAreRefused) {
  const ProcessGrid grid = ProcessGrid::square(mpi::Communicator::world());
  const DistributedMatrix<double> a = distributed(grid, filled<double>(8, 8, &decaying), 4);
  DistributedMatrix<double> other_block(grid, 8, 2, 2);
  EXPECT_THROW(potrs(a, other_block), std::logic_error);
}

}  // namespace
}  // namespace widegram::dist
