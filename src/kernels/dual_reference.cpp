#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <variant>

#include "src/kernels/activation_functions.hpp"
#include "src/kernels/dual.hpp"
#include "src/kernels/dual_members.hpp"
#include "src/kernels/dual_quadrature.hpp"
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

DualDiagonal by_quadrature(const NumericalFunction& function, double q11, double covariance, double q22) {
  const double row = std::sqrt(q11), col = std::sqrt(q22);
  const double rho = row > 0 && col > 0 ? std::clamp(covariance / row / col, -1.0, 1.0) : 0.0;
  return dual_by_quadrature(function, row, col, rho);
}

}  // namespace

DualDiagonal dual_reference(const Activation& activation, double q11, double covariance, double q22) {
  if (const auto* numerical = std::get_if<Numerical>(&activation))
    return by_quadrature(numerical_function(numerical->name), q11, covariance, q22);
  return by_formula(activation, q11, covariance, q22);
}

}  // namespace widegram::kernels
