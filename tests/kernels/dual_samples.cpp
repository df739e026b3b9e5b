#include "tests/kernels/dual_samples.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "src/kernels/activation_functions.hpp"
#include "src/kernels/quadrature.hpp"

namespace widegram::kernels::test {
namespace {

double step(double x) { return (x > 0 ? 1.0 : 0.0) - (x < 0 ? 1.0 : 0.0); }
double normal_density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }
double normal_probability(double x) { return std::erfc(-x / std::numbers::sqrt2) / 2; }

Sample abrelu(const std::string& name, double a, double b) {
  return {name, AbRelu{a, b}, [=](double x) { return x < 0 ? a * x : b * x; },
          [=](double x) { return x < 0 ? a : b; }};
}

Sample sine(const std::string& name, double phase) {
  return {name, Sine{phase}, [=](double x) { return std::sin(x + phase); },
          [=](double x) { return std::cos(x + phase); }};
}

/// Panels of 16 nodes, no wider than `panel`, added to a rule.
void add_panels(Quadrature& rule, double begin, double end, double panel) {
  static const Quadrature unit = gauss_legendre(16);
  const double count = std::ceil((end - begin) / panel);
  for (double k = 0; k < count; ++k) {
    const double half = (end - begin) / count / 2;
    for (std::size_t i = 0; i < unit.nodes.size(); ++i) {
      rule.nodes.push_back(begin + half * (2 * k + 1 + unit.nodes[i]));
      rule.weights.push_back(half * unit.weights[i]);
    }
  }
}

/// Panels from `begin` to `end` (on either side of it) that double from `first` to `panel`.
void add_growing_panels(Quadrature& rule, double begin, double end, double first, double panel) {
  const double sign = end < begin ? -1 : 1;
  const double length = std::abs(end - begin);
  double inside = 0;
  for (double outside = first; inside < length; outside = std::min(2 * outside, outside + panel)) {
    const double from = begin + sign * inside, to = begin + sign * std::min(outside, length);
    add_panels(rule, std::min(from, to), std::max(from, to), panel);
    inside = outside;
  }
}

}  // namespace

std::vector<Sample> samples() {
  std::vector<Sample> all{
      abrelu("relu", 0, 1),
      abrelu("leaky_relu", 0.125, 1),
      abrelu("abs", -1, 1),
      abrelu("abrelu", -0.5, 2),
      {"erf", Erf{}, [](double x) { return std::erf(x); },
       [](double x) { return 2 / std::sqrt(std::numbers::pi) * std::exp(-x * x); }},
      {"gelu", Gelu{}, [](double x) { return x * normal_probability(x); },
       [](double x) { return normal_probability(x) + x * normal_density(x); }},
      sine("sin", 0),
      sine("cos", std::numbers::pi / 2),
      sine("sin + 0.3", 0.3),
      {"rbf", Rbf{0.7},
       [](double x) { return std::numbers::sqrt2 * std::sin(std::sqrt(1.4) * x + std::numbers::pi / 4); },
       [](double x) { return std::sqrt(2.8) * std::cos(std::sqrt(1.4) * x + std::numbers::pi / 4); }},
      {"gaussian", Gaussian{}, [](double x) { return std::exp(-x * x); },
       [](double x) { return -2 * x * std::exp(-x * x); }},
      {"exp", Exponential{}, [](double x) { return std::exp(x); }, [](double x) { return std::exp(x); }},
      {"sign", Sign{}, step, [](double) { return 0.0; }},
      {"polynomial", Polynomial{{0.5, -1, 0.25, 0.125}},
       [](double x) { return 0.5 - x + 0.25 * x * x + 0.125 * x * x * x; },
       [](double x) { return -1 + 0.5 * x + 0.375 * x * x; }},
      {"x^5", make_activation("monomial", {{"degree", {5}}}), [](double x) { return std::pow(x, 5); },
       [](double x) { return 5 * std::pow(x, 4); }},
      {"hermite", make_activation("hermite", {{"coefficients", {0.5, 1, -2, 3}}}),
       [](double x) {
         return 0.5 + x - 2 * (x * x - 1) / std::sqrt(2) + 3 * (x * x * x - 3 * x) / std::sqrt(6);
       },
       [](double x) { return 1 - 4 * x / std::sqrt(2) + 9 * (x * x - 1) / std::sqrt(6); }},
  };
  for (const NumericalFunction& function : numerical_functions())
    all.push_back({function.name, Numerical{function.name}, function.value, function.derivative,
                   function.kinked() ? 1e-8 : 1e-11});
  return all;
}

std::vector<Pair> pairs() {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> unit(0, 1);
  std::vector<double> correlations{0, 0.999, -0.999, 1 - 1e-6, -1 + 1e-6, 1, -1};
  for (int i = 0; i < 8; ++i) correlations.push_back(2 * unit(random) - 1);
  std::vector<Pair> all;
  for (const double rho : correlations) {
    const double q11 = 0.05 + 1.95 * unit(random);
    const double q22 = 0.05 + 1.95 * unit(random);
    all.push_back({q11, rho * std::sqrt(q11 * q22), q22});
  }
  return all;
}

double expectation(const std::function<double(double)>& f, Pair pair) {
  const double root11 = std::sqrt(pair.q11);
  const double root22 = std::sqrt(pair.q22);
  const double finest = 1 / std::max({1.0, root11, root22});
  const double angle = std::acos(std::clamp(pair.c / (root11 * root22), -1.0, 1.0));
  const double right = std::numbers::pi / 2;
  const std::array<double, 5> cuts{-right, angle - right, right, angle + right, 3 * right};
  Quadrature radii;
  add_growing_panels(radii, 0, gaussian_reach, finest, 2);
  double sum = 0;
  for (std::size_t k = 0; k + 1 < cuts.size(); ++k) {
    Quadrature angles;
    const double middle = (cuts[k] + cuts[k + 1]) / 2;
    add_growing_panels(angles, cuts[k], middle, finest / 4, std::numbers::pi / 8);
    add_growing_panels(angles, cuts[k + 1], middle, finest / 4, std::numbers::pi / 8);
    for (std::size_t i = 0; i < angles.nodes.size(); ++i) {
      const double along = root11 * std::cos(angles.nodes[i]);
      const double across = root22 * std::cos(angles.nodes[i] - angle);
      for (std::size_t j = 0; j < radii.nodes.size(); ++j) {
        const double r = radii.nodes[j];
        sum += angles.weights[i] * radii.weights[j] * r * std::exp(-r * r / 2) * f(r * along) * f(r * across);
      }
    }
  }
  return sum / (2 * std::numbers::pi);
}

DualDiagonal vector_dual(const Activation& activation, Pair pair) {
  const Side<double> row = dual_side<double>(activation, {&pair.q11, 1});
  const Side<double> col = dual_side<double>(activation, {&pair.q22, 1});
  double value = pair.c;
  double derivative = 1;
  apply_dual<double>(activation, row.view(), col.view(), {&value, 1, 1}, {&derivative, 1, 1});
  return {value, derivative};
}

DualDiagonal scale(const Activation& activation, Pair pair) {
  const DualDiagonal u = dual_diagonal(activation, pair.q11);
  const DualDiagonal v = dual_diagonal(activation, pair.q22);
  return {std::sqrt(u.value * v.value), std::sqrt(u.derivative * v.derivative)};
}

}  // namespace widegram::kernels::test
