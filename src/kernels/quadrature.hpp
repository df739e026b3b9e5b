#pragma once

#include <vector>

#include "src/base/index.hpp"

namespace widegram::kernels {

struct Quadrature {
  std::vector<double> nodes;
  std::vector<double> weights;
};

/// Gauss-Legendre rule of `points` nodes on [-1, 1]: Newton's method on the Legendre polynomial (Davis and
/// Rabinowitz, Methods of numerical integration, section 2.7).
Quadrature gauss_legendre(Index points);

/// Rule on [begin, end], weighted with the density of the standard normal distribution: Gauss-Legendre panels
/// no wider than `panel`. Exact to rounding for functions that are smooth on the scale of a panel.
Quadrature gaussian_panels(double begin, double end, double panel);

/// Where the density of the standard normal distribution, times anything that grows slower than exp(z^2 / 4),
/// is below rounding.
constexpr double gaussian_reach = 13.0;

}  // namespace widegram::kernels
