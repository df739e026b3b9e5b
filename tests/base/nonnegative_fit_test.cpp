#include "src/base/nonnegative_fit.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "src/base/median.hpp"
#include "src/base/random.hpp"

namespace widegram {
namespace {

Matrix<double> random_matrix(Index rows, Index cols, std::uint32_t stream) {
  const CounterRandom random(3, stream);
  Matrix<double> a(rows, cols);
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i < rows; ++i) a(i, j) = random.normal(static_cast<std::uint64_t>(i + rows * j));
  return a;
}

std::vector<double> product(const Matrix<double>& a, const std::vector<double>& x) {
  std::vector<double> b(static_cast<std::size_t>(a.rows()));
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i)
      b[static_cast<std::size_t>(i)] += a(i, j) * x[static_cast<std::size_t>(j)];
  return b;
}

TEST(NonnegativeFit, FindsCoefficientsOfAnySize) {
  Matrix<double> a = random_matrix(9, 3, 1);
  for (Index i = 0; i < a.rows(); ++i) {
    a(i, 0) *= 1e13;
    a(i, 2) *= 1e-6;
  }
  const std::vector<double> x{3e-14, 0, 7e4};
  const std::vector<double> found = nonnegative_fit(a, product(a, x));
  EXPECT_NEAR(found[0], 3e-14, 1e-23);
  EXPECT_NEAR(found[1], 0, 1e-9);
  EXPECT_NEAR(found[2], 7e4, 1e-4);
}

TEST(NonnegativeFit, MeetsTheConditionsOfTheOptimum) {
  for (std::uint32_t stream = 0; stream < 50; ++stream) {
    const Matrix<double> a = random_matrix(12, 5, 10 + stream);
    const Matrix<double> right = random_matrix(12, 1, 100 + stream);
    const std::vector<double> b(right.data(), right.data() + 12);
    const std::vector<double> x = nonnegative_fit(a, b);
    const std::vector<double> fitted = product(a, x);
    for (Index j = 0; j < 5; ++j) {
      double slope = 0;
      for (Index i = 0; i < 12; ++i)
        slope += a(i, j) * (b[static_cast<std::size_t>(i)] - fitted[static_cast<std::size_t>(i)]);
      EXPECT_GE(x[static_cast<std::size_t>(j)], 0);
      EXPECT_LE(slope, 1e-10) << "column " << j << " would help";
      if (x[static_cast<std::size_t>(j)] > 0) {
        EXPECT_NEAR(slope, 0, 1e-10);
      }
    }
  }
}

TEST(NonnegativeFit, ColumnsThatSayTheSameAndTooFewRowsDoNoHarm) {
  Matrix<double> a(4, 3);
  for (Index i = 0; i < 4; ++i) {
    a(i, 0) = a(i, 1) = static_cast<double>(i + 1);
    a(i, 2) = 1;
  }
  const std::vector<double> b{3, 5, 7, 9};
  const std::vector<double> found = product(a, nonnegative_fit(a, b));
  for (std::size_t i = 0; i < b.size(); ++i) EXPECT_NEAR(found[i], b[i], 1e-12);

  const Matrix<double> wide = random_matrix(2, 6, 5);
  const std::vector<double> target = product(wide, {1, 1, 1, 1, 1, 1});
  for (const double x : nonnegative_fit(wide, target)) EXPECT_TRUE(std::isfinite(x) && x >= 0);
  EXPECT_EQ(nonnegative_fit(a, std::vector<double>(4, -1.0)), (std::vector<double>{0, 0, 0}));
}

TEST(Median, IsTheMiddle) {
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

}  // namespace
}  // namespace widegram
