#include "src/kernels/dual_quadrature.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "src/kernels/quadrature.hpp"

namespace widegram::kernels {
namespace {

constexpr double reach = 8.5;          // standard deviations; beyond it the density is 1e-16
constexpr double strip_step = 0.125;   // in s and t: poles of f are at |Im| > 0.5 there
constexpr double density_step = 0.8;   // in standard deviations: exp(-2 (pi / step)^2) is 1e-12
constexpr double panel_steps = 12;     // a panel of 16 Gauss-Legendre nodes spans as many steps
constexpr double function_scale = 1;   // distance from 0 within which f may bend
constexpr double finest_scale = 1e-4;  // of a kink that is smoothed over less: its square is negligible

double density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

/// Calls use(t, weight) at the nodes of a rule on [begin, end] for an integrand that dies away at both ends:
/// steps no wider than `step`, or panels on both sides of a kink at `split`.
template <class Use>
void along(double begin, double end, double step, bool kinked, double split, const Use& use) {
  if (kinked && begin < split && split < end) {
    for (const auto& [left, right] : {std::pair{begin, split}, std::pair{split, end}})
      for_each_panel_node(left, right, panel_steps * step, use);
    return;
  }
  const double steps = std::ceil((end - begin) / step);
  const double width = (end - begin) / steps;
  for (double k = 0; k <= steps; ++k) use(begin + k * width, width);
}

/// E[f(v)] and E[f'(v)] for v = mean + spread y, y standard normal.
DualDiagonal smoothed(const NumericalFunction& f, double mean, double spread) {
  if (spread == 0) return {f.value(mean), f.derivative(mean)};
  DualDiagonal sum;
  const auto add = [&](double v, double weight) {
    sum.value += weight * f.value(v);
    sum.derivative += weight * f.derivative(v);
  };
  const double middle = -mean / spread;  // the y of v = 0
  const double scale = function_scale / spread;
  if (scale > 4 || std::abs(middle) > reach) {  // f is smooth on the scale of y, wherever the density is
    along(-reach, reach, density_step, f.kinked(), middle,
          [&](double y, double weight) { add(mean + spread * y, weight * density(y)); });
    return sum;
  }
  along(std::asinh((-reach - middle) / scale), std::asinh((reach - middle) / scale),
        std::min(strip_step, density_step / std::hypot(std::abs(middle) + 3, scale)), f.kinked(), 0,
        [&](double t, double weight) {
          const double sinh = std::sinh(t);
          const double slope = scale * std::sqrt(1 + sinh * sinh);
          add(function_scale * sinh, weight * slope * density(middle + scale * sinh));
        });
  return sum;
}

}  // namespace

DualDiagonal dual_by_quadrature(const NumericalFunction& function, double row_deviation, double col_deviation,
                                double rho) {
  // The wider member outside: what is left of the other, given it, is never steeper than f itself.
  const double outer = std::max(row_deviation, col_deviation);
  const double inner = std::min(row_deviation, col_deviation);
  if (outer == 0) {
    const double value = function.value(0), derivative = function.derivative(0);
    return {value * value, derivative * derivative};
  }
  const double spread = inner * std::sqrt((1 - rho) * (1 + rho));
  const double ratio = rho * (inner / outer);
  // A kink in v is smoothed over |u| < spread / ratio.
  const double bend = function.kinked() && ratio != 0 && spread > 0
                          ? std::clamp(spread / std::abs(ratio), finest_scale, function_scale)
                          : function_scale;
  const double scale = bend / outer;
  const double end = std::asinh(reach / scale);
  DualDiagonal sum;
  along(-end, end, std::min(strip_step, density_step / scale), function.kinked(), 0,
        [&](double s, double step) {
          const double sinh = std::sinh(s);
          const double u = bend * sinh;
          const double weight = step * scale * std::sqrt(1 + sinh * sinh) * density(scale * sinh);
          const DualDiagonal rest = smoothed(function, ratio * u, spread);
          sum.value += weight * function.value(u) * rest.value;
          sum.derivative += weight * function.derivative(u) * rest.derivative;
        });
  return sum;
}

}  // namespace widegram::kernels
