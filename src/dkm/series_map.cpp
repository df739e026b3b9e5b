#include "src/dkm/series_map.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/dkm/dual_map.hpp"
#include "src/kernels/dual_members.hpp"
#include "src/kernels/dual_quadrature.hpp"
#include "src/kernels/quadrature.hpp"
#include "src/kernels/series.hpp"

namespace widegram::dkm {
namespace {

using kernels::series_head;
using kernels::SeriesHead;
using kernels::Side;

/// Of variances, for differences of quadratures: the error of a quadrature, 1e-11, over it, beside its
/// square.
constexpr double relative_step = 1e-4;

/// The side whose sums with a dual_side() are E[u phi'(u) phi(v)] / 2.
template <class Real>
Side<Real> stein_side(const Side<Real>& side, std::span<const Real> variances) {
  Side<Real> stein = side;
  const Index terms = (side.width - series_head) / 2;
  const auto number = [&](Index k, Index i) {
    return side.values[static_cast<std::size_t>(k * side.count + i)];
  };
  for (Index i = 0; i < side.count; ++i) {
    const Real deviation = std::sqrt(std::max(variances[static_cast<std::size_t>(i)], Real{0}));
    for (Index n = 0; n < terms; ++n) {
      const Real above = n + 1 < terms ? number(series_head + 2 * n + 3, i) : Real{0};
      const Real below = n > 0 ? number(series_head + 2 * n - 1, i) : Real{0};
      const Real sum = std::sqrt(static_cast<Real>(n + 1)) * above + std::sqrt(static_cast<Real>(n)) * below;
      stein.values[static_cast<std::size_t>((series_head + 2 * n) * side.count + i)] = deviation * sum / 2;
    }
  }
  return stein;
}

template <class Real>
class SeriesMap final : public KernelMap<Real> {
 public:
  explicit SeriesMap(const kernels::Activation& activation) : activation_(activation) {}

  void values(MatrixView<const Real> cross, std::span<const Real> left, std::span<const Real> right,
              MatrixView<Real> out) const override {
    const Side<Real> rows = side(left), cols = side(right);
    copy_block(cross, out);
    kernels::apply_dual(activation_, rows.view(), cols.view(), out, MatrixView<Real>());
  }

  void adjoint(MatrixView<const Real> cross, std::span<const Real> left, std::span<const Real> right,
               MatrixView<const Real> d_out, MatrixView<Real> d_cross, std::span<Real> d_left,
               std::span<Real> d_right) const override {
    const Side<Real> rows = side(left), cols = side(right);
    const Side<Real> stein_rows = stein_side(rows, left), stein_cols = stein_side(cols, right);
    for_each_tile(cross.rows, cross.cols, [&](Range r, Range c) {
      Tile tile(r.size(), c.size());
      const MatrixView<const Real> covariances = cross.block(r, c);
      for (Matrix* values : {&tile.value, &tile.by_left, &tile.by_right})
        copy_block(covariances, values->view());
      std::fill_n(tile.slope.data(), r.size() * c.size(), Real{1});
      kernels::apply_dual(activation_, rows.view(r), cols.view(c), tile.value.view(), tile.slope.view());
      kernels::apply_formulas(activation_, stein_rows.view(r), cols.view(c), tile.by_left.view(), {});
      kernels::apply_formulas(activation_, rows.view(r), stein_cols.view(c), tile.by_right.view(), {});
      for (Index j = 0; j < c.size(); ++j)
        for (Index i = 0; i < r.size(); ++i) {
          const auto at_left = static_cast<std::size_t>(r.begin + i);
          const auto at_right = static_cast<std::size_t>(c.begin + j);
          const Partials<Real> by =
              beyond_reach(rows, at_left, cols, at_right, covariances(i, j))
                  ? by_differences(left[at_left], covariances(i, j), right[at_right], tile.slope(i, j))
                  : by_stein(tile, i, j, left[at_left], covariances(i, j), right[at_right]);
          const Real d = d_out(r.begin + i, c.begin + j);
          d_left[at_left] += d * by.left;
          d_right[at_right] += d * by.right;
          d_cross(r.begin + i, c.begin + j) = d * by.slope;
        }
    });
  }

  void diagonal(std::span<const Real> g, std::span<Real> out) const override {
    for (std::size_t i = 0; i < g.size(); ++i)
      out[i] = static_cast<Real>(kernels::dual_diagonal(activation_, static_cast<double>(g[i])).value);
  }

  /// d E[phi(u)^2]/dq = E[u phi(u) phi'(u)] / q.
  void diagonal_adjoint(std::span<const Real> g, std::span<const Real> d_out,
                        std::span<Real> d_g) const override {
    for (std::size_t i = 0; i < g.size(); ++i)
      if (g[i] > 0) d_g[i] += static_cast<Real>(squares_slope(static_cast<double>(g[i]))) * d_out[i];
  }

 private:
  using Matrix = widegram::Matrix<Real>;
  struct Tile {
    Tile(Index rows, Index cols)
        : value(rows, cols), slope(rows, cols), by_left(rows, cols), by_right(rows, cols) {}
    Matrix value, slope;       // D, D_c
    Matrix by_left, by_right;  // half of E[u phi'(u) phi(v)], of E[phi(u) v phi'(v)]
  };

  static Partials<Real> by_stein(const Tile& tile, Index i, Index j, Real a, Real c, Real b) {
    const Real turned = c * tile.slope(i, j) / 2;
    return {tile.slope(i, j), a > 0 ? (tile.by_left(i, j) - turned) / a : Real{0},
            b > 0 ? (tile.by_right(i, j) - turned) / b : Real{0}};
  }

  /// As kernels::apply_dual() decides it.
  bool beyond_reach(const Side<Real>& rows, std::size_t i, const Side<Real>& cols, std::size_t j,
                    Real c) const {
    if (!std::holds_alternative<kernels::Numerical>(activation_)) return false;
    const auto number = [](const Side<Real>& side, Index k, std::size_t member) {
      return side.view().number(k)[member];
    };
    const auto cut = [&](const Side<Real>& side, std::size_t member) {
      return number(side, SeriesHead::root_unless_cut, member) == 0 &&
             number(side, SeriesHead::inverse_root, member) > 0;
    };
    if (!cut(rows, i) && !cut(cols, j)) return false;
    const Real rho =
        c * number(rows, SeriesHead::inverse_root, i) * number(cols, SeriesHead::inverse_root, j);
    return std::abs(rho) > number(rows, SeriesHead::reach, i) * number(cols, SeriesHead::reach, j);
  }

  Partials<Real> by_differences(Real left, Real cross, Real right, Real slope) const {
    const double a = static_cast<double>(left), c = static_cast<double>(cross),
                 b = static_cast<double>(right);
    const double by_left = variance_difference([&](double q) { return pair_value(q, c, b); }, a);
    const double by_right = variance_difference([&](double q) { return pair_value(a, c, q); }, b);
    return {slope, static_cast<Real>(by_left), static_cast<Real>(by_right)};
  }
  double pair_value(double a, double c, double b) const {
    const auto& function = kernels::numerical_function(std::get<kernels::Numerical>(activation_).name);
    const double rho = std::clamp(c / std::sqrt(a * b), -1.0, 1.0);
    return kernels::dual_by_quadrature(function, std::sqrt(a), std::sqrt(b), rho).value;
  }
  template <class F>
  static double variance_difference(const F& value, double q) {
    const double step = relative_step * q;
    return (value(q + step) - value(q - step)) / (2 * step);
  }

  double squares_slope(double q) const {
    if (const auto* polynomial = std::get_if<kernels::Polynomial>(&activation_)) {
      const kernels::HermiteSeries series = kernels::hermite_series(*polynomial, q);
      double sum = 0;
      for (std::size_t n = 0; n < series.value.size(); ++n) {
        const double above = n + 1 < series.value.size() ? series.derivative[n + 1] : 0.0;
        const double below = n > 0 ? series.derivative[n - 1] : 0.0;
        const double order = static_cast<double>(n);
        sum += series.value[n] * (std::sqrt(order + 1) * above + std::sqrt(order) * below);
      }
      return sum / std::sqrt(q);
    }
    const auto& function = kernels::numerical_function(std::get<kernels::Numerical>(activation_).name);
    const double deviation = std::sqrt(q);
    const kernels::Quadrature half = kernels::gaussian_half_line(deviation);
    double sum = 0;
    for (std::size_t i = 0; i < half.nodes.size(); ++i) {
      const double u = deviation * half.nodes[i];
      sum += half.weights[i] * u *
             (function.value(u) * function.derivative(u) - function.value(-u) * function.derivative(-u));
    }
    return sum / q;
  }

  Side<Real> side(std::span<const Real> variances) const {
    return kernels::dual_side<Real>(activation_, in_double(variances));
  }

  kernels::Activation activation_;
};

}  // namespace

template <class Real>
std::unique_ptr<KernelMap<Real>> make_series_map(const kernels::Activation& activation) {
  return std::make_unique<SeriesMap<Real>>(activation);
}
template std::unique_ptr<KernelMap<float>> make_series_map(const kernels::Activation&);
template std::unique_ptr<KernelMap<double>> make_series_map(const kernels::Activation&);

}  // namespace widegram::dkm
