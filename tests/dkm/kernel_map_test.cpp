#include "src/dkm/kernel_map.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>
#include <vector>

#include "src/base/error.hpp"
#include "src/base/matrix.hpp"
#include "src/base/random.hpp"
#include "tests/support/central_difference.hpp"

namespace widegram::dkm {
namespace {

struct Named {
  std::string name;
  kernels::ActivationParameters parameters{};
  double tolerance = 1e-8;  ///< of the differences
};

std::vector<Named> maps() {
  return {{"arccos"},
          {"sqexp"},
          {"normgauss"},
          {"linear"},
          {"relu"},
          {"leaky_relu", {{"slope", {0.2}}}},
          {"erf"},
          {"gelu"},
          {"sin"},
          {"cos"},
          {"rbf", {{"gamma", {0.3}}}},
          {"gaussian"},
          {"exp"},
          {"sign"},
          {"polynomial", {{"coefficients", {0.5, -1, 0.3, 0.2}}}},
          {"tanh"},
          {"elu", {}, 1e-6}};
}

/// A block of pairs of correlations below 0.9, with different variances.
struct Block {
  Matrix<double> cross;
  std::vector<double> left, right;
};

Block block() {
  const Index rows = 5, cols = 3;
  const CounterRandom random(3, 0);
  Block made{Matrix<double>(rows, cols), {}, {}};
  for (Index i = 0; i < rows; ++i) made.left.push_back(0.3 + random.uniform(static_cast<std::uint64_t>(i)));
  for (Index j = 0; j < cols; ++j)
    made.right.push_back(0.4 + random.uniform(static_cast<std::uint64_t>(100 + j)));
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i < rows; ++i) {
      const double rho = 1.8 * random.uniform(static_cast<std::uint64_t>(200 + i + 10 * j)) - 0.9;
      made.cross(i, j) =
          rho * std::sqrt(made.left[static_cast<std::size_t>(i)] * made.right[static_cast<std::size_t>(j)]);
    }
  return made;
}

double weight(Index i, Index j) { return std::sin(1.0 + static_cast<double>(3 * i + 7 * j)); }

double weighted_sum(const KernelMap<double>& map, const Block& at) {
  Matrix<double> out(at.cross.rows(), at.cross.cols());
  map.values(at.cross.view(), at.left, at.right, out.view());
  double sum = 0;
  for (Index j = 0; j < out.cols(); ++j)
    for (Index i = 0; i < out.rows(); ++i) sum += weight(i, j) * out(i, j);
  return sum;
}

double difference(double& x, const std::function<double()>& f) {
  return widegram::test::central_difference(x, 1e-3, f);
}

TEST(KernelMap, AdjointIsThatOfFiniteDifferences) {
  for (const Named& named : maps()) {
    SCOPED_TRACE(named.name);
    const auto map = make_kernel_map<double>(map_spec(named.name, named.parameters));
    Block at = block();
    Matrix<double> d_out(5, 3), d_cross(5, 3);
    for (Index j = 0; j < 3; ++j)
      for (Index i = 0; i < 5; ++i) d_out(i, j) = weight(i, j);
    std::vector<double> d_left(5), d_right(3);
    map->adjoint(at.cross.view(), at.left, at.right, d_out.view(), d_cross.view(), d_left, d_right);
    const auto f = [&] { return weighted_sum(*map, at); };
    for (Index j = 0; j < 3; ++j)
      for (Index i = 0; i < 5; ++i)
        EXPECT_NEAR(d_cross(i, j), difference(at.cross(i, j), f), named.tolerance);
    for (std::size_t i = 0; i < 5; ++i)
      EXPECT_NEAR(d_left[i], difference(at.left[i], f), named.tolerance) << i;
    for (std::size_t j = 0; j < 3; ++j)
      EXPECT_NEAR(d_right[j], difference(at.right[j], f), named.tolerance) << j;
  }
}

TEST(KernelMap, DiagonalHasItsAdjoint) {
  for (const Named& named : maps()) {
    SCOPED_TRACE(named.name);
    const auto map = make_kernel_map<double>(map_spec(named.name, named.parameters));
    std::vector<double> g{0.4, 1.1, 1.9};
    const std::vector<double> d_out{1, -2, 0.5};
    std::vector<double> d_g(3, 10.0);
    map->diagonal_adjoint(g, d_out, d_g);
    const auto f = [&] {
      std::vector<double> k(3);
      map->diagonal(g, k);
      return d_out[0] * k[0] + d_out[1] * k[1] + d_out[2] * k[2];
    };
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(d_g[i] - 10, difference(g[i], f), named.tolerance) << i;
  }
}

TEST(KernelMap, SymmetricGramHasItsAdjoint) {
  for (const Named& named : maps()) {
    SCOPED_TRACE(named.name);
    const auto map = make_kernel_map<double>(map_spec(named.name, named.parameters));
    Matrix<double> gram(3, 3);
    const std::array<double, 9> entries{1, 0.3, -0.4, 0.3, 0.7, 0.2, -0.4, 0.2, 1.3};
    std::copy(entries.begin(), entries.end(), gram.data());
    Matrix<double> d_out(3, 3), d_gram(3, 3), out(3, 3);
    for (Index j = 0; j < 3; ++j)
      for (Index i = 0; i < 3; ++i) d_out(i, j) = weight(i + j, i * j);
    symmetric_adjoint(*map, gram.view(), d_out.view(), d_gram.view());
    const auto f = [&] {
      for (Index j = 0; j < 3; ++j)
        for (Index i = 0; i < j; ++i) gram(j, i) = gram(i, j);
      symmetric_values(*map, gram.view(), out.view());
      double sum = 0;
      for (Index j = 0; j < 3; ++j)
        for (Index i = 0; i < 3; ++i) sum += d_out(i, j) * out(i, j);
      return sum;
    };
    for (Index j = 0; j < 3; ++j) {
      for (Index i = 0; i < j; ++i) {
        EXPECT_NEAR(d_gram(i, j) + d_gram(j, i), difference(gram(i, j), f), named.tolerance);
        EXPECT_NEAR(d_gram(i, j), d_gram(j, i), 1e-13);
      }
      EXPECT_NEAR(d_gram(j, j), difference(gram(j, j), f), named.tolerance);
    }
  }
}

/// Variances at which the series of tanh is cut and a pair needs quadrature.
TEST(KernelMap, FollowsCutSeries) {
  const auto map = make_kernel_map<double>(map_spec("tanh"));
  Block at{Matrix<double>(1, 1), {60.0}, {50.0}};
  at.cross(0, 0) = 0.999 * std::sqrt(60.0 * 50.0);
  Matrix<double> d_out(1, 1), d_cross(1, 1);
  d_out(0, 0) = weight(0, 0);
  std::vector<double> d_left(1), d_right(1);
  map->adjoint(at.cross.view(), at.left, at.right, d_out.view(), d_cross.view(), d_left, d_right);
  const auto f = [&] { return weighted_sum(*map, at); };
  EXPECT_NEAR(d_cross(0, 0), difference(at.cross(0, 0), f), 1e-7);
  EXPECT_NEAR(d_left[0], difference(at.left[0], f), 1e-7);
  EXPECT_NEAR(d_right[0], difference(at.right[0], f), 1e-7);
}

TEST(KernelMap, HasTheNamedFormulas) {
  const double a = 1.3, c = -0.4, b = 0.6, n = std::sqrt(a * b), theta = std::acos(c / n),
               pi = std::acos(-1.0);
  const std::vector<std::pair<std::string, double>> formulas{
      {"arccos", (n * std::sin(theta) + (pi - theta) * c) / pi},
      {"sqexp", std::exp(c - a / 2 - b / 2)},
      {"normgauss", n * std::exp(c / n - 1)},
      {"linear", c}};
  for (const auto& [name, expected] : formulas) {
    const auto map = make_kernel_map<double>(map_spec(name));
    double out = 0;
    map->values({&c, 1, 1}, std::span(&a, 1), std::span(&b, 1), {&out, 1, 1});
    EXPECT_NEAR(out, expected, 1e-14) << name;
  }
}

TEST(KernelMap, UnknownNamesAreRefused) {
  EXPECT_THROW(map_spec("arcos"), Error);
  EXPECT_THROW(map_spec("sqexp", {{"gamma", {1.0}}}), Error);
}

}  // namespace
}  // namespace widegram::dkm
