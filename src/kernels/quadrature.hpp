#pragma once

#include <cmath>
#include <cstddef>
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

/// The rule of one panel below: 16 nodes on [-1, 1].
const Quadrature& panel_rule();

/// Calls use(x, weight) at the nodes of equal panels on [begin, end], none wider than `panel`.
template <class Use>
void for_each_panel_node(double begin, double end, double panel, const Use& use) {
  const Quadrature& unit = panel_rule();
  const double panels = std::ceil((end - begin) / panel);
  const double half = (end - begin) / panels / 2;
  for (double k = 0; k < panels; ++k) {
    const double middle = begin + (2 * k + 1) * half;
    for (std::size_t i = 0; i < unit.nodes.size(); ++i)
      use(middle + half * unit.nodes[i], half * unit.weights[i]);
  }
}

/// Rule on [begin, end], weighted with the density of the standard normal distribution: Gauss-Legendre panels
/// no wider than `panel`. Exact to rounding for functions that are smooth on the scale of a panel.
Quadrature gaussian_panels(double begin, double end, double panel);

/// Rule on [0, gaussian_reach], weighted with the density of the standard normal distribution, for functions
/// of deviation * z that bend on a scale of 1 around 0 and in proportion to the distance from it beyond,
/// times Hermite polynomials of degree up to 1,024: panels that double from 1 / deviation to 1/2. 210 nodes
/// for deviations up to 1, 420 + 16 log2(deviation) beyond.
Quadrature gaussian_half_line(double deviation);

/// Where the density of the standard normal distribution, times anything that grows slower than exp(z^2 / 4),
/// is below rounding.
constexpr double gaussian_reach = 13.0;

}  // namespace widegram::kernels
