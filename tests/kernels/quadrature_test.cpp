#include "src/kernels/quadrature.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "src/kernels/series.hpp"

namespace widegram::kernels {
namespace {

template <class F>
double sum(const Quadrature& rule, const F& f) {
  double total = 0;
  for (std::size_t i = 0; i < rule.nodes.size(); ++i) total += rule.weights[i] * f(rule.nodes[i]);
  return total;
}

TEST(Quadrature, GaussLegendreIsExactForPolynomials) {
  for (const Index points : {1, 2, 5, 16}) {
    const Quadrature rule = gauss_legendre(points);
    for (Index degree = 0; degree < 2 * points; ++degree) {
      const double exact = degree % 2 == 0 ? 2 / static_cast<double>(degree + 1) : 0.0;
      EXPECT_NEAR(sum(rule, [&](double x) { return std::pow(x, static_cast<double>(degree)); }), exact, 1e-14)
          << points << " points, degree " << degree;
    }
    EXPECT_GT(std::abs(sum(rule, [&](double x) { return std::pow(x, static_cast<double>(2 * points)); }) -
                       2 / static_cast<double>(2 * points + 1)),
              1e-12);
  }
}

TEST(Quadrature, PanelsGiveTheMomentsOfTheNormalDistribution) {
  const Quadrature rule = gaussian_panels(-gaussian_reach, gaussian_reach, 1);
  double moment = 1;
  for (int degree = 0; degree <= 12; degree += 2) {
    EXPECT_NEAR(sum(rule, [&](double x) { return std::pow(x, degree); }), moment, 1e-13 * moment);
    moment *= degree + 1;
  }
  EXPECT_TRUE(gaussian_panels(1, 1, 1).nodes.empty());
}

TEST(Quadrature, HalfLineResolvesSteepFunctionsAndLongOscillations) {
  for (const double deviation : {0.1, 1.0, 1.5, 30.0, 1e5}) {
    const Quadrature rule = gaussian_half_line(deviation);
    EXPECT_NEAR(sum(rule, [](double) { return 1.0; }), 0.5, 1e-14) << deviation;
    // E[exp(-u^2)] over one half, and the cosine of the highest local frequency of a Hermite polynomial
    EXPECT_NEAR(sum(rule, [&](double z) { return std::exp(-deviation * deviation * z * z); }),
                0.5 / std::sqrt(1 + 2 * deviation * deviation), 1e-15)
        << deviation;
    const double frequency = deviation > 1 ? 32 : 16;
    EXPECT_NEAR(sum(rule, [&](double z) { return std::cos(frequency * z); }), 0, 1e-14) << deviation;
    EXPECT_LT(rule.nodes.size(), 800) << deviation;
  }
}

TEST(Series, OfAPolynomialIsItsHermiteExpansion) {
  const std::vector<double> hermite{0.5, -1, 2, 0, 3};
  const HermiteSeries series = hermite_series(Polynomial{polynomial_from_hermite(hermite)}, 1);
  ASSERT_EQ(series.value.size(), hermite.size());
  for (std::size_t n = 0; n < hermite.size(); ++n) EXPECT_NEAR(series.value[n], hermite[n], 1e-13);
  // h_n' = sqrt(n) h_(n-1)
  for (std::size_t n = 1; n < hermite.size(); ++n)
    EXPECT_NEAR(series.derivative[n - 1], std::sqrt(static_cast<double>(n)) * hermite[n], 1e-13);
}

TEST(Series, SquaresAddUpToTheSecondMoment) {
  for (const NumericalFunction& function : numerical_functions()) {
    if (function.kinked()) continue;
    for (const double variance : {1e-8, 0.3, 2.0}) {
      const HermiteSeries series = hermite_series(function, variance, negligible_term<double>);
      const Quadrature rule = gaussian_panels(-gaussian_reach, gaussian_reach, 0.5);
      double found = 0;
      for (const double a : series.value) found += a * a;
      const double exact =
          sum(rule, [&](double z) { return std::pow(function.value(std::sqrt(variance) * z), 2); });
      EXPECT_NEAR(found, exact, 1e-13 * exact) << function.name << " at " << variance;
    }
  }
}

TEST(Series, KnowWhatTheyLeaveOut) {
  for (const char* name : {"tanh", "softplus"}) {
    const NumericalFunction& function = numerical_function(name);
    const HermiteSeries whole = hermite_series(function, 0.5, negligible_term<double>);
    EXPECT_FALSE(whole.cut) << name;
    EXPECT_LT(whole.value.size(), 400) << name;
    const HermiteSeries cut = hermite_series(function, 100, negligible_term<double>);
    EXPECT_TRUE(cut.cut) << name;
    EXPECT_EQ(std::ssize(cut.value), most_terms) << name;
    EXPECT_GT(cut.reach * cut.reach, 0.97) << name;
    EXPECT_LT(cut.reach * cut.reach, 1) << name;
    EXPECT_GT(cut.reach * whole.reach, 1) << name;
  }
  EXPECT_FALSE(hermite_series(numerical_function("elu"), 2, negligible_term<double>).cut);
  EXPECT_TRUE(hermite_series(numerical_function("elu"), 20, negligible_term<double>).cut);
}

TEST(Series, OfAKinkApproachesItsSums) {
  const KinkSums<double>& sums = kink_sums<double>();
  double linear = 0, square = 0, cubic = 0;
  for (std::size_t k = 0; k < sums.linear.size(); ++k) {
    linear += sums.linear[k];
    square += sums.square[k];
    cubic += sums.cubic[k];
  }
  EXPECT_NEAR(linear, 1, 1e-4);  // tails like kinked_terms^(-3/2), ^(-5/2), ^(-5/2)
  EXPECT_NEAR(square, 3, 1e-5);
  EXPECT_NEAR(cubic, 3, 1e-5);
}

}  // namespace
}  // namespace widegram::kernels
