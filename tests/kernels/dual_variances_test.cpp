// Numerical functions at variances up to the largest, where their series are cut.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/kernels/activation_functions.hpp"
#include "src/kernels/dual_quadrature.hpp"
#include "tests/kernels/dual_samples.hpp"

namespace widegram::kernels::test {
namespace {

constexpr double distances[] = {1, 0.5, 0.1, 0.01, 0.001, 1e-6, 0};  // 1 - |rho|

/// Pairs of two variances at correlations from -1 to 1.
std::vector<Pair> pairs_of(double q11, double q22) {
  std::vector<Pair> pairs;
  for (const double distance : distances)
    for (const double sign : {1.0, -1.0})
      if (distance < 1 || sign > 0) pairs.push_back({q11, sign * (1 - distance) * std::sqrt(q11 * q22), q22});
  return pairs;
}

double tolerance(const NumericalFunction& function) { return function.kinked() ? 1e-6 : 1e-10; }

void expect_close(const DualDiagonal& found, const NumericalFunction& function, Pair pair) {
  const DualDiagonal size = scale(Numerical{function.name}, pair);
  const std::string where =
      function.name + " at variances " + std::to_string(pair.q11) + " and " + std::to_string(pair.q22) +
      ", 1 - |rho| = " + std::to_string(1 - std::abs(pair.c) / std::sqrt(pair.q11 * pair.q22));
  EXPECT_NEAR(found.value, expectation(function.value, pair), tolerance(function) * size.value) << where;
  EXPECT_NEAR(found.derivative, expectation(function.derivative, pair), tolerance(function) * size.derivative)
      << where;
}

class DualVariances : public testing::TestWithParam<const char*> {
 protected:
  const NumericalFunction& function = numerical_function(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Functions, DualVariances,
                         testing::Values("tanh", "sigmoid", "softplus", "silu", "gelu_tanh", "elu"),
                         [](const auto& name) { return std::string(name.param); });

TEST_P(DualVariances, EqualOnesGiveTheExpectation) {
  for (const double q : {0.1, 10.0, 221.0, 1e4})
    for (const Pair pair : pairs_of(q, q))
      expect_close(vector_dual(Numerical{function.name}, pair), function, pair);
}

TEST_P(DualVariances, UnequalOnesGiveTheExpectation) {
  const double variances[][2] = {{0.1, 1e4}, {2, 5}, {10, 300}};
  for (const auto& [q11, q22] : variances)
    for (const Pair pair : pairs_of(q11, q22))
      expect_close(vector_dual(Numerical{function.name}, pair), function, pair);
}

TEST_P(DualVariances, DiagonalIsTheExpectation) {
  for (const double q : {0.1, 10.0, 1e4}) {
    const DualDiagonal diagonal = dual_diagonal(Numerical{function.name}, q);
    EXPECT_NEAR(diagonal.value, expectation(function.value, {q, q, q}), 1e-12 * diagonal.value) << q;
    EXPECT_NEAR(diagonal.derivative, expectation(function.derivative, {q, q, q}), 1e-12 * diagonal.derivative)
        << q;
  }
}

/// At huge variances tanh is the sign and silu and elu are relu.
TEST(DualHugeVariances, ApproachTheHomogeneousFunctions) {
  for (const double rho : {-1.0, -0.999, 0.3, 0.99, 1.0}) {
    const double q = 1e16;
    const Pair pair{q, rho * q, q};
    EXPECT_NEAR(vector_dual(Numerical{"tanh"}, pair).value, vector_dual(Sign{}, pair).value, 1e-7) << rho;
    for (const char* name : {"silu", "softplus", "elu"}) {
      const DualDiagonal found = vector_dual(Numerical{name}, pair);
      const DualDiagonal relu = vector_dual(AbRelu{0, 1}, pair);
      EXPECT_NEAR(found.value / q, relu.value / q, 1e-7) << name << rho;
      EXPECT_NEAR(found.derivative, relu.derivative, 1e-7) << name << rho;
    }
  }
}

/// A block with members of all kinds, some pairs of which are worked out by quadrature.
template <class Real>
struct Mixed {
  std::vector<double> variances{0.3, 1e3, 40, 2.5, 0, 1e4, 7, 1e3, 150};
  Side<Real> side;
  Matrix<Real> before, nngp, ntk;

  explicit Mixed(const Activation& activation)
      : side(dual_side<Real>(activation, variances)),
        before(size(), size()),
        nngp(before),
        ntk(size(), size()) {
    for (Index j = 0; j < size(); ++j) {
      for (Index i = 0; i < size(); ++i) {
        const double rho = ((i + j) % 2 == 0 ? 1 : -1) * (1 - 0.002 * static_cast<double>(i + j));
        before(i, j) = static_cast<Real>(rho * std::sqrt(variance(i) * variance(j)));
        ntk(i, j) = 2;
      }
    }
    nngp = before;
    apply_dual<Real>(activation, side.view(), side.view(), nngp.view(), ntk.view());
  }

  Index size() const { return std::ssize(variances); }
  double variance(Index i) const { return variances[static_cast<std::size_t>(i)]; }
};

template <class Real>
bool same_bits(Real a, Real b) {
  return std::memcmp(&a, &b, sizeof(Real)) == 0;
}

template <class Real>
class DualCutPairs : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(DualCutPairs, Reals);

TYPED_TEST(DualCutPairs, BitsDependOnThePairAlone) {
  using Real = TypeParam;
  for (const char* name : {"tanh", "silu", "elu"}) {
    const Activation activation = Numerical{name};
    const Mixed<Real> block(activation);
    for (Index i = 0; i < block.size(); ++i) {
      for (Index j = 0; j < block.size(); ++j) {
        const double row_variance = block.variance(i), col_variance = block.variance(j);
        const Side<Real> row = dual_side<Real>(activation, {&row_variance, 1});
        const Side<Real> col = dual_side<Real>(activation, {&col_variance, 1});
        Real value = block.before(i, j), without = value, tangent = 2;
        apply_dual<Real>(activation, row.view(), col.view(), {&value, 1, 1}, {&tangent, 1, 1});
        apply_dual<Real>(activation, row.view(), col.view(), {&without, 1, 1}, {});
        EXPECT_TRUE(same_bits(block.nngp(i, j), value)) << name << " entry " << i << ", " << j;
        EXPECT_TRUE(same_bits(block.nngp(i, j), without)) << name << " entry " << i << ", " << j;
        EXPECT_TRUE(same_bits(block.ntk(i, j), tangent)) << name << " entry " << i << ", " << j;
      }
    }
  }
}

TYPED_TEST(DualCutPairs, FollowTheReference) {
  using Real = TypeParam;
  const double loose = sizeof(Real) == 4 ? 3e-5 : 1e-10;  // a float's rounding of rho, at variances of 1e4
  for (const char* name : {"tanh", "silu"}) {
    const Activation activation = Numerical{name};
    const Mixed<Real> block(activation);
    for (Index i = 0; i < block.size(); ++i) {
      for (Index j = 0; j < block.size(); ++j) {
        const Pair pair{block.variance(i), static_cast<double>(block.before(i, j)), block.variance(j)};
        const DualDiagonal expected = dual_reference(activation, pair.q11, pair.c, pair.q22);
        const DualDiagonal size = scale(activation, pair);
        EXPECT_NEAR(block.nngp(i, j), expected.value, loose * size.value) << name << i << j;
        EXPECT_NEAR(block.ntk(i, j), 2 * expected.derivative, 2 * loose * size.derivative) << name << i << j;
      }
    }
  }
}

TEST(DualQuadrature, HasTheSameBitsWhicheverMemberComesFirst) {
  for (const NumericalFunction& function : numerical_functions()) {
    const DualDiagonal one = dual_by_quadrature(function, 30, 4, -0.97);
    const DualDiagonal other = dual_by_quadrature(function, 4, 30, -0.97);
    EXPECT_TRUE(same_bits(one.value, other.value)) << function.name;
    EXPECT_TRUE(same_bits(one.derivative, other.derivative)) << function.name;
  }
}

}  // namespace
}  // namespace widegram::kernels::test
