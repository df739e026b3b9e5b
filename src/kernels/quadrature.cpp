#include "src/kernels/quadrature.hpp"

#include <algorithm>
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

void append(Quadrature& rule, const Quadrature& piece) {
  rule.nodes.insert(rule.nodes.end(), piece.nodes.begin(), piece.nodes.end());
  rule.weights.insert(rule.weights.end(), piece.weights.begin(), piece.weights.end());
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

const Quadrature& panel_rule() {
  static const Quadrature rule = gauss_legendre(panel_points);
  return rule;
}

Quadrature gaussian_panels(double begin, double end, double panel) {
  Quadrature rule;
  for_each_panel_node(begin, end, panel, [&](double z, double weight) {
    rule.nodes.push_back(z);
    rule.weights.push_back(weight * std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi));
  });
  return rule;
}

Quadrature gaussian_half_line(double deviation) {
  if (deviation <= 1) return gaussian_panels(0, gaussian_reach, 1);
  constexpr double widest = 0.5;
  Quadrature rule;
  double begin = 0;
  for (double end = 1 / deviation; begin < widest; end = std::min(2 * end, widest)) {
    append(rule, gaussian_panels(begin, end, widest));
    begin = end;
  }
  append(rule, gaussian_panels(begin, gaussian_reach, widest));
  return rule;
}

}  // namespace widegram::kernels
