#include "src/kernels/quadrature.hpp"

#include <cmath>
#include <numbers>

namespace widegram::kernels {
namespace {

constexpr Index panel_points = 16;

/// Legendre polynomial of degree n and its derivative at x, |x| < 1.
struct Legendre {
  double value;
  double derivative;
};

Legendre legendre(Index n, double x) {
  double previous = 1;
  double current = x;
  for (Index k = 2; k <= n; ++k) {
    const double degree = static_cast<double>(k);
    const double next = ((2 * degree - 1) * x * current - (degree - 1) * previous) / degree;
    previous = current;
    current = next;
  }
  return {current, static_cast<double>(n) * (x * current - previous) / (x * x - 1)};
}

}  // namespace

Quadrature gauss_legendre(Index points) {
  Quadrature rule;
  const double n = static_cast<double>(points);
  for (Index i = 0; i < points; ++i) {
    double x = -std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    for (int step = 0; step < 6; ++step) {
      const Legendre p = legendre(points, x);
      x -= p.value / p.derivative;
    }
    const double slope = legendre(points, x).derivative;
    rule.nodes.push_back(x);
    rule.weights.push_back(2 / ((1 - x * x) * slope * slope));
  }
  return rule;
}

Quadrature gaussian_panels(double begin, double end, double panel) {
  static const Quadrature unit = gauss_legendre(panel_points);
  Quadrature rule;
  if (end <= begin) return rule;
  const double panels = std::ceil((end - begin) / panel);
  const double half = (end - begin) / panels / 2;
  const double density = half / std::sqrt(2 * std::numbers::pi);
  for (double k = 0; k < panels; ++k) {
    const double middle = begin + (2 * k + 1) * half;
    for (std::size_t i = 0; i < unit.nodes.size(); ++i) {
      const double z = middle + half * unit.nodes[i];
      rule.nodes.push_back(z);
      rule.weights.push_back(density * unit.weights[i] * std::exp(-z * z / 2));
    }
  }
  return rule;
}

}  // namespace widegram::kernels
