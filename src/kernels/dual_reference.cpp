#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <variant>

#include "src/kernels/activation_functions.hpp"
#include "src/kernels/dual.hpp"
#include "src/kernels/dual_members.hpp"
#include "src/kernels/quadrature.hpp"
#include "src/kernels/series.hpp"

namespace widegram::kernels {
namespace {

#include "src/kernels/dual_formulas.inl"

/// The maths of dual_formulas.inl on doubles.
struct Plain {
  using Value = double;
  double set(double x) const { return x; }
  double abs(double x) const { return std::abs(x); }
  double min(double x, double y) const { return std::min(x, y); }
  double max(double x, double y) const { return std::max(x, y); }
  double sqrt(double x) const { return std::sqrt(x); }
  double mul_add(double x, double y, double z) const { return x * y + z; }
  double atan(double x) const { return std::atan(x); }
  double choose_negative(double x, double yes, double no) const { return std::signbit(x) ? yes : no; }
  double exp(double x) const { return std::exp(x); }
  double one_minus_exp(double x) const { return -std::expm1(-x); }
  double arccos(double distance, double) const { return 2 * std::asin(std::sqrt(distance / 2)); }
  double linear_term(Index k) const { return kink_sums<double>().linear[static_cast<std::size_t>(k)]; }
  double square_term(Index k) const { return kink_sums<double>().square[static_cast<std::size_t>(k)]; }
  double cubic_term(Index k) const { return kink_sums<double>().cubic[static_cast<std::size_t>(k)]; }
};

struct PlainMember {
  const Side<double>& side;
  double operator()(Index k) const { return side.values[static_cast<std::size_t>(k)]; }
};

struct ApplyPlain {
  const Side<double>& row;
  const Side<double>& col;
  double covariance;
  DualDiagonal& result;

  void operator()(const auto& dual) const {
    const auto pair = dual(Plain(), PlainMember{row}, covariance, PlainMember{col});
    result = {pair.value, pair.derivative};
  }
};

DualDiagonal by_formula(const Activation& activation, double q11, double covariance, double q22) {
  const Side<double> row = dual_side<double>(activation, {&q11, 1});
  const Side<double> col = dual_side<double>(activation, {&q22, 1});
  DualDiagonal result;
  const ApplyPlain use{row, col, covariance, result};
  std::visit(ForActivation<Plain, ApplyPlain>{Plain(), row.width, col.width, use}, activation);
  return result;
}

void append(Quadrature& rule, const Quadrature& piece) {
  rule.nodes.insert(rule.nodes.end(), piece.nodes.begin(), piece.nodes.end());
  rule.weights.insert(rule.weights.end(), piece.weights.begin(), piece.weights.end());
}

/// Both sides of `kink`, with panels that shrink towards it down to a layer of thickness `layer`.
Quadrature graded(double kink, double layer, double panel) {
  const double reach = gaussian_reach;
  const double middle = std::clamp(kink, -reach, reach);
  Quadrature rule;
  double inside = 0;
  for (double outside = layer; inside < 2 * reach; outside *= 2) {
    const double left = std::max(middle - outside, -reach), right = std::min(middle + outside, reach);
    append(rule, gaussian_panels(left, std::max(middle - inside, -reach), panel));
    append(rule, gaussian_panels(std::min(middle + inside, reach), right, panel));
    inside = outside;
  }
  return rule;
}

/// E over u = sqrt(q11) x, v = mean x + spread y, x and y independent: nested rules, split where u and v pass
/// 0.
DualDiagonal by_quadrature(const NumericalFunction& f, double q11, double covariance, double q22) {
  const double deviation = std::sqrt(q11);
  const double bound = deviation * std::sqrt(q22);
  const double mean = deviation > 0 ? std::clamp(covariance, -bound, bound) / deviation : 0.0;
  const double spread = std::sqrt(std::max(q22 - mean * mean, 0.0));
  const double panel = 1 / std::max({1.0, deviation, std::sqrt(q22)});
  const double layer = std::clamp(mean == 0 ? 1.0 : spread / std::abs(mean), 1e-6, 1.0);
  const Quadrature outer = graded(0, layer, panel);
  DualDiagonal sum;
  for (std::size_t i = 0; i < outer.nodes.size(); ++i) {
    const double x = outer.nodes[i];
    const double kink = spread > 0 ? std::clamp(-mean * x / spread, -gaussian_reach, gaussian_reach) : 0.0;
    const Quadrature inner = graded(kink, 1.0, panel);
    DualDiagonal conditional;
    for (std::size_t j = 0; j < inner.nodes.size(); ++j) {
      const double v = mean * x + spread * inner.nodes[j];
      conditional.value += inner.weights[j] * f.value(v);
      conditional.derivative += inner.weights[j] * f.derivative(v);
    }
    sum.value += outer.weights[i] * f.value(deviation * x) * conditional.value;
    sum.derivative += outer.weights[i] * f.derivative(deviation * x) * conditional.derivative;
  }
  return sum;
}

}  // namespace

DualDiagonal dual_reference(const Activation& activation, double q11, double covariance, double q22) {
  if (const auto* numerical = std::get_if<Numerical>(&activation))
    return by_quadrature(numerical_function(numerical->name), q11, covariance, q22);
  return by_formula(activation, q11, covariance, q22);
}

}  // namespace widegram::kernels
