#include "src/kernels/dual.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <variant>

#include "src/kernels/activation_functions.hpp"
#include "src/kernels/dual_cut_pairs.hpp"
#include "src/kernels/dual_members.hpp"
#include "src/kernels/quadrature.hpp"
#include "src/kernels/series.hpp"

namespace widegram::kernels {
namespace {

double square(double x) { return x * x; }

/// Variances that the roots' reciprocals cannot bear count as none, as do those that rounding made negative.
template <class Real>
double usable(double variance) {
  return variance < std::numeric_limits<Real>::min() ? 0.0 : variance;
}

template <class Real>
Side<Real> empty_side(Index width, std::size_t count) {
  return {width, static_cast<Index>(count), std::vector<Real>(static_cast<std::size_t>(width) * count)};
}

template <class Real, class Closed>
Side<Real> closed_side(const Closed& activation, std::span<const double> variances) {
  const std::size_t count = variances.size();
  constexpr std::size_t width = std::tuple_size_v<decltype(member_numbers(activation, 0.0))>;
  Side<Real> side = empty_side<Real>(static_cast<Index>(width), count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto numbers = member_numbers(activation, usable<Real>(variances[i]));
    for (std::size_t k = 0; k < width; ++k) side.values[k * count + i] = static_cast<Real>(numbers[k]);
  }
  return side;
}

/// series_at(variance) for every member. Equal variances (behind a layernorm all are) share one.
template <class Real, class Series>
Side<Real> series_side(const Series& series_at, std::span<const double> variances) {
  const std::size_t count = variances.size();
  std::unordered_map<double, HermiteSeries> known;
  std::size_t terms = 0;
  for (const double given : variances) {
    const double variance = usable<Real>(given);
    if (!known.contains(variance)) known.emplace(variance, series_at(variance));
    terms = std::max(terms, known.at(variance).value.size());
  }
  terms += terms % 2;
  Side<Real> side = empty_side<Real>(series_head + 2 * static_cast<Index>(terms), count);
  const auto put = [&](Index k, std::size_t i, double number) {
    side.values[static_cast<std::size_t>(k) * count + i] = static_cast<Real>(number);
  };
  for (std::size_t i = 0; i < count; ++i) {
    const double variance = usable<Real>(variances[i]);
    const HermiteSeries& series = known.at(variance);
    const auto roots = root_numbers(variance);
    put(SeriesHead::inverse_root, i, roots[1]);
    put(SeriesHead::root_unless_cut, i, series.cut ? 0.0 : roots[0]);
    put(SeriesHead::reach, i, series.reach);
    for (std::size_t n = 0; n < series.value.size(); ++n) {
      const Index k = series_head + 2 * static_cast<Index>(n);
      put(k, i, series.value[n]);
      put(k + 1, i, series.derivative[n]);
    }
  }
  return side;
}

template <class Real>
struct MakeSide {
  std::span<const double> variances;

  Side<Real> operator()(const Polynomial& f) const {
    return series_side<Real>([&](double variance) { return hermite_series(f, variance); }, variances);
  }
  Side<Real> operator()(const Numerical& f) const {
    const NumericalFunction& function = numerical_function(f.name);
    const auto series_at = [&](double variance) {
      return hermite_series(function, variance, negligible_term<Real>);
    };
    return series_side<Real>(series_at, variances);
  }
  Side<Real> operator()(const auto& closed) const { return closed_side<Real>(closed, variances); }
};

struct Diagonal {
  const Activation& activation;
  double variance;

  /// A member without variance is at the kink, where the derivative counts as the mean of both slopes.
  DualDiagonal operator()(const AbRelu& f) const {
    const double squares = (f.a * f.a + f.b * f.b) / 2;
    return {squares * variance, variance > 0 ? squares : square((f.a + f.b) / 2)};
  }
  DualDiagonal operator()(const Sign&) const { return {variance > 0 ? 1.0 : 0.0, 0.0}; }
  DualDiagonal operator()(const Polynomial& f) const {
    const HermiteSeries series = hermite_series(f, variance);
    DualDiagonal sum;
    for (const double a : series.value) sum.value += a * a;
    for (const double b : series.derivative) sum.derivative += b * b;
    return sum;
  }
  DualDiagonal operator()(const Numerical& f) const {
    const NumericalFunction& function = numerical_function(f.name);
    const double deviation = std::sqrt(variance);
    const Quadrature half = gaussian_half_line(deviation);
    DualDiagonal sum;
    for (std::size_t i = 0; i < half.nodes.size(); ++i) {
      const double u = deviation * half.nodes[i];
      sum.value += half.weights[i] * (square(function.value(u)) + square(function.value(-u)));
      sum.derivative += half.weights[i] * (square(function.derivative(u)) + square(function.derivative(-u)));
    }
    return sum;
  }
  /// The other closed forms are smooth up to rho = 1.
  DualDiagonal operator()(const auto&) const {
    return dual_reference(activation, variance, variance, variance);
  }
};

}  // namespace

template <class Real>
Side<Real> dual_side(const Activation& activation, std::span<const double> variances) {
  return std::visit(MakeSide<Real>{variances}, activation);
}

template Side<float> dual_side(const Activation&, std::span<const double>);
template Side<double> dual_side(const Activation&, std::span<const double>);

template <class Real>
void apply_dual(const Activation& activation, SideView<Real> rows, SideView<Real> cols, MatrixView<Real> nngp,
                MatrixView<Real> ntk) {
  const auto* numerical = std::get_if<Numerical>(&activation);
  if (numerical == nullptr) {
    apply_formulas(activation, rows, cols, nngp, ntk);
    return;
  }
  const CutPairs<Real> cut_pairs(numerical_function(numerical->name), rows, cols, nngp, ntk);
  apply_formulas(activation, rows, cols, nngp, ntk);
  cut_pairs.put(nngp, ntk);
}

template void apply_dual(const Activation&, SideView<float>, SideView<float>, MatrixView<float>,
                         MatrixView<float>);
template void apply_dual(const Activation&, SideView<double>, SideView<double>, MatrixView<double>,
                         MatrixView<double>);

template <class Real>
std::vector<Real> pack(SideView<Real> side, Index group) {
  const Index groups = ceil_div(side.count, group);
  std::vector<Real> packed(static_cast<std::size_t>(groups * side.width * group));
  constexpr Index chunk = 16;  // members that share a cache line of each number
  for (Index first = 0; first < side.count; first += chunk) {
    const Index members = std::min(chunk, side.count - first);
    std::array<Real*, chunk> places{};
    for (Index m = 0; m < members; ++m) {
      const Index i = first + m;
      places[static_cast<std::size_t>(m)] = packed.data() + i / group * side.width * group + i % group;
    }
    for (Index k = 0; k < side.width; ++k)
      for (Index m = 0; m < members; ++m)
        places[static_cast<std::size_t>(m)][k * group] = side.number(k)[first + m];
  }
  return packed;
}

template std::vector<float> pack(SideView<float>, Index);
template std::vector<double> pack(SideView<double>, Index);

DualDiagonal dual_diagonal(const Activation& activation, double variance) {
  return std::visit(Diagonal{activation, usable<double>(variance)}, activation);
}

}  // namespace widegram::kernels
