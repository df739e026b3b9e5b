// What a block may and may not change, the other precision, and members without variance.

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>

#include "src/base/matrix.hpp"
#include "src/kernels/canonical.hpp"
#include "tests/kernels/dual_samples.hpp"

namespace widegram::kernels::test {
namespace {

std::vector<Activation> activations() {
  std::vector<Activation> all{NormalizedExponential{1.5, -0.5}};
  for (const Sample& sample : samples()) all.push_back(sample.activation);
  return all;
}

/// Variances and covariances of a block of pairs; NTK entries are all 1 before the dual.
template <class Real>
struct Block {
  std::vector<double> row_variances;
  std::vector<double> col_variances;
  Matrix<Real> nngp;
  Matrix<Real> ntk;

  Block(Index rows, Index cols) : nngp(rows, cols), ntk(rows, cols) {
    std::mt19937_64 random(11);
    std::uniform_real_distribution<double> unit(0, 1);
    for (Index i = 0; i < rows; ++i) row_variances.push_back(0.1 + unit(random));
    for (Index j = 0; j < cols; ++j) col_variances.push_back(0.1 + unit(random));
    for (Index j = 0; j < cols; ++j) {
      for (Index i = 0; i < rows; ++i) {
        const double length = std::sqrt(row_variances[static_cast<std::size_t>(i)] *
                                        col_variances[static_cast<std::size_t>(j)]);
        nngp(i, j) = static_cast<Real>((1.9 * unit(random) - 0.95) * length);
        ntk(i, j) = 1;
      }
    }
  }

  /// The part of the block, on its own, through the dual.
  Block through(const Activation& activation, Range rows, Range cols, bool with_ntk = true) const {
    Block part = *this;
    const Side<Real> row_side = dual_side<Real>(activation, row_variances);
    const Side<Real> col_side = dual_side<Real>(activation, col_variances);
    apply_dual<Real>(activation, row_side.view(rows), col_side.view(cols), part.nngp.view().block(rows, cols),
                     with_ntk ? part.ntk.view().block(rows, cols) : MatrixView<Real>());
    return part;
  }
};

template <class Real>
bool same_bits(Real a, Real b) {
  return std::memcmp(&a, &b, sizeof(Real)) == 0;
}

template <class Real>
class DualBlocks : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(DualBlocks, Reals);

TYPED_TEST(DualBlocks, BitsOfAnEntryDoNotDependOnItsBlock) {
  using Real = TypeParam;
  const Block<Real> block(37, 3);
  for (const Activation& activation : activations()) {
    const Block<Real> whole = block.through(activation, {0, 37}, {0, 3});
    for (const Range rows : {Range{0, 1}, Range{5, 12}, Range{1, 36}, Range{20, 37}}) {
      const Block<Real> part = block.through(activation, rows, {1, 3});
      for (Index j = 0; j < 3; ++j) {
        for (Index i = 0; i < 37; ++i) {
          const bool inside = rows.begin <= i && i < rows.end && j >= 1;
          EXPECT_TRUE(same_bits(part.nngp(i, j), inside ? whole.nngp(i, j) : block.nngp(i, j)))
              << canonical(activation) << " entry " << i << ", " << j;
          EXPECT_TRUE(same_bits(part.ntk(i, j), inside ? whole.ntk(i, j) : Real{1}))
              << canonical(activation) << " entry " << i << ", " << j;
        }
      }
    }
  }
}

TYPED_TEST(DualBlocks, ValuesAreTheSameWithoutTheTangentKernel) {
  using Real = TypeParam;
  const Block<Real> block(19, 2);
  for (const Activation& activation : activations()) {
    const Block<Real> with = block.through(activation, {0, 19}, {0, 2});
    const Block<Real> without = block.through(activation, {0, 19}, {0, 2}, false);
    for (Index j = 0; j < 2; ++j)
      for (Index i = 0; i < 19; ++i)
        EXPECT_TRUE(same_bits(with.nngp(i, j), without.nngp(i, j))) << canonical(activation);
  }
}

TYPED_TEST(DualBlocks, ALongerSeriesOfANeighbourChangesNoBits) {
  using Real = TypeParam;
  for (const char* name : {"tanh", "elu"}) {
    const Activation activation = Numerical{name};
    const double q = 0.5;
    const std::vector<double> beside{0.5, 4.0};
    const Side<Real> alone = dual_side<Real>(activation, {&q, 1});
    const Side<Real> padded = dual_side<Real>(activation, beside);
    Real one = Real{0.25F}, one_slope = 1, two = one, two_slope = 1;
    apply_dual<Real>(activation, alone.view(), alone.view(), {&one, 1, 1}, {&one_slope, 1, 1});
    apply_dual<Real>(activation, padded.view({0, 1}), padded.view({0, 1}), {&two, 1, 1}, {&two_slope, 1, 1});
    EXPECT_TRUE(same_bits(one, two)) << name;
    EXPECT_TRUE(same_bits(one_slope, two_slope)) << name;
  }
}

TYPED_TEST(DualBlocks, MembersWithoutVarianceGiveNumbers) {
  using Real = TypeParam;
  for (const Activation& activation : activations()) {
    const DualDiagonal nothing = dual_reference(activation, 0, 0, 0);
    const DualDiagonal beside = dual_reference(activation, 0, 0, 0.8);
    const DualDiagonal other = dual_diagonal(activation, 0.8);
    const double tolerance = 10 * (other.value + other.derivative) * std::numeric_limits<Real>::epsilon();
    for (const double q : {0.0, -1e-18, 1e-320}) {
      const std::vector<double> variances{q, 0.8};
      const Side<Real> side = dual_side<Real>(activation, variances);
      Matrix<Real> nngp(2, 1), ntk(2, 1);
      ntk(0, 0) = ntk(1, 0) = 1;
      apply_dual<Real>(activation, side.view(), side.view({0, 1}), nngp.view(), ntk.view());
      EXPECT_NEAR(nngp(0, 0), nothing.value, tolerance) << canonical(activation);
      EXPECT_NEAR(ntk(0, 0), nothing.derivative, tolerance) << canonical(activation);
      EXPECT_NEAR(nngp(1, 0), beside.value, tolerance) << canonical(activation);
      EXPECT_NEAR(ntk(1, 0), beside.derivative, tolerance) << canonical(activation);
      EXPECT_NEAR(dual_diagonal(activation, q).value, nothing.value, 1e-12) << canonical(activation);
      EXPECT_NEAR(dual_diagonal(activation, q).derivative, nothing.derivative, 1e-12)
          << canonical(activation);
    }
  }
}

TYPED_TEST(DualBlocks, CorrelationsBeyondOneCountAsOne) {
  using Real = TypeParam;
  const double q = 0.7;
  const Real over =
      static_cast<Real>(q * (1 + 4 * static_cast<double>(std::numeric_limits<Real>::epsilon())));
  for (const Activation& activation : activations()) {
    const Side<Real> side = dual_side<Real>(activation, {&q, 1});
    for (const Real sign : {Real{1}, Real{-1}}) {
      Real nngp = sign * over, ntk = 1;
      apply_dual<Real>(activation, side.view(), side.view(), {&nngp, 1, 1}, {&ntk, 1, 1});
      const DualDiagonal expected = dual_reference(activation, q, static_cast<double>(sign) * q, q);
      const DualDiagonal size = dual_diagonal(activation, q);
      // A kink has the root of the rounding; D' of relu, leaky and sign through theta.
      const double loose = 3 * std::sqrt(static_cast<double>(std::numeric_limits<Real>::epsilon()));
      EXPECT_NEAR(nngp, expected.value, loose * size.value) << canonical(activation);
      EXPECT_NEAR(ntk, expected.derivative, loose * size.derivative) << canonical(activation);
    }
  }
}

TEST(DualPrecision, SinglePrecisionFollowsDouble) {
  const Block<float> single(64, 4);
  for (const Activation& activation : activations()) {
    const Block<float> found = single.through(activation, {0, 64}, {0, 4});
    for (Index j = 0; j < 4; ++j) {
      for (Index i = 0; i < 64; ++i) {
        const double q11 = single.row_variances[static_cast<std::size_t>(i)];
        const double q22 = single.col_variances[static_cast<std::size_t>(j)];
        const Pair pair{q11, static_cast<double>(single.nngp(i, j)), q22};
        const DualDiagonal expected = vector_dual(activation, pair);
        const DualDiagonal size = scale(activation, pair);
        EXPECT_NEAR(found.nngp(i, j), expected.value, 1e-6 * size.value) << canonical(activation);
        EXPECT_NEAR(found.ntk(i, j), expected.derivative, 1e-6 * size.derivative) << canonical(activation);
      }
    }
  }
}

TEST(DualPrecision, OverflowIsInfiniteAndNotRubbish) {
  EXPECT_EQ(vector_dual(Exponential{}, {800, 10, 800}).value, std::numeric_limits<double>::infinity());
  EXPECT_EQ(vector_dual(Sine{}, {1e6, -1e6, 1e6}).value, -0.5);
  EXPECT_EQ(vector_dual(Rbf{2}, {1e6, 0, 1e6}).value, 0.0);
}

TEST(DualSeries, KinkedFunctionsAreExactNearTheDiagonalToo) {
  for (const double distance : {1e-3, 1e-4, 1e-6}) {
    const Pair pair{4, 4 * (1 - distance), 4};
    const DualDiagonal found = vector_dual(Numerical{"elu"}, pair);
    const DualDiagonal expected = dual_reference(Numerical{"elu"}, pair.q11, pair.c, pair.q22);
    EXPECT_NEAR(found.value, expected.value, 1e-7 * expected.value) << distance;
    EXPECT_NEAR(found.derivative, expected.derivative, 1e-6 * expected.derivative) << distance;
  }
}

/// Every set of vector instructions that this machine and this program share gives the same numbers.
TEST(DualTargets, AgreeWithTheReference) {
  std::vector<std::string> seen;
  for (const std::int64_t target : {HWY_AVX3, HWY_AVX2, HWY_NEON, HWY_EMU128, HWY_SCALAR}) {
    hwy::SetSupportedTargetsForTest(0);
    if ((hwy::SupportedTargets() & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    seen.push_back(vector_target());
    for (const Sample& sample : samples()) {
      const Pair pair{1.3, 0.4, 0.6};
      const DualDiagonal size = scale(sample.activation, pair);
      const DualDiagonal found = vector_dual(sample.activation, pair);
      const double value = expectation(sample.value, pair);
      const double derivative = expectation(sample.derivative, pair);
      EXPECT_NEAR(found.value, value, sample.tolerance * size.value) << sample.name << " " << vector_target();
      EXPECT_NEAR(found.derivative, derivative, sample.tolerance * size.derivative)
          << sample.name << " " << vector_target();
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
  EXPECT_FALSE(seen.empty());
  RecordProperty("targets", testing::PrintToString(seen));
}

}  // namespace
}  // namespace widegram::kernels::test
