#include "src/kernels/series.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "src/kernels/dual.hpp"
#include "src/kernels/quadrature.hpp"

namespace widegram::kernels {
namespace {

constexpr std::size_t quiet_terms =
    6;  // in a row without weight end a series (every other one is 0 by parity)
constexpr double largest_kink_rest = 1e-7;  // of E[f^2] and E[f'^2], beyond the kink's sums
constexpr double kinked_loss = 1e-8;        // of E[f^2] and E[f'^2], to be left out of a cut series
constexpr double rounded_rest = 1e-16;      // a rest cannot be known better

/// E[(sum_i coefficients[i] u^i) h_l(z)]: the moments of u bring the sum over i = l, l + 2, ...
std::vector<double> polynomial_coefficients(std::span<const double> coefficients, double variance) {
  const double deviation = std::sqrt(variance);
  std::vector<double> series(coefficients.size());
  for (std::size_t l = 0; l < series.size(); ++l) {
    // E[z^l h_l] = sqrt(l!), and E[z^(m+2) h_l] = E[z^m h_l] (m + 2)(m + 1) / (m + 2 - l).
    double moment = 1;
    for (std::size_t k = 1; k <= l; ++k) moment *= deviation * std::sqrt(static_cast<double>(k));
    for (std::size_t m = l; m < coefficients.size(); m += 2) {
      series[l] += coefficients[m] * moment;
      const double power = static_cast<double>(m);
      moment *= variance * (power + 2) * (power + 1) / (power + 2 - static_cast<double>(l));
    }
  }
  return series;
}

/// f and f' on the quadrature's nodes, weighted, split by parity: h_n meets the part of its own parity alone.
class WeightedParts {
 public:
  WeightedParts(const NumericalFunction& function, double deviation) : rule_(gaussian_half_line(deviation)) {
    for (std::size_t i = 0; i < rule_.nodes.size(); ++i) {
      const double u = deviation * rule_.nodes[i];
      add(value_, value_square_, rule_.weights[i], function.value(u), function.value(-u));
      add(derivative_, derivative_square_, rule_.weights[i], function.derivative(u), function.derivative(-u));
    }
  }

  const std::vector<double>& nodes() const { return rule_.nodes; }
  const std::vector<double>& value(std::size_t n) const { return value_[n % 2]; }
  const std::vector<double>& derivative(std::size_t n) const { return derivative_[n % 2]; }
  double value_square() const { return value_square_; }
  double derivative_square() const { return derivative_square_; }

 private:
  using Parts = std::array<std::vector<double>, 2>;

  static void add(Parts& parts, double& square, double weight, double right, double left) {
    parts[0].push_back(weight * (right + left));
    parts[1].push_back(weight * (right - left));
    square += weight * (right * right + left * left);
  }

  Quadrature rule_;
  Parts value_, derivative_;
  double value_square_ = 0;
  double derivative_square_ = 0;
};

double inner(const std::vector<double>& a, const std::vector<double>& b) {
  std::array<double, 4> sums{};
  for (std::size_t i = 0; i < a.size(); ++i) sums[i % 4] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

double rest(const std::vector<double>& series, double square) { return square - inner(series, series); }

/// What a series leaves out of E[f(u)^2] and E[f'(u)^2].
DualDiagonal rests(const HermiteSeries& series, const WeightedParts& parts) {
  return {rest(series.value, parts.value_square()), rest(series.derivative, parts.derivative_square())};
}

/// What the kink's sums hold of both beyond their first terms; whole they are 1, 3 and 3 at rho = 1.
DualDiagonal known_rests(const std::array<double, 3>& steps, double variance) {
  const KinkSums<double>& sums = kink_sums<double>();
  const auto beyond = [](double whole, const auto& terms) {
    return whole - std::accumulate(terms.begin(), terms.end(), 0.0);
  };
  const double square = variance * variance * steps[0] * steps[0] / 16 * beyond(3, sums.square);
  return {square, variance * (steps[0] * steps[0] / 4 * beyond(1, sums.linear) +
                              variance * (steps[1] * steps[1] / 16 * beyond(3, sums.square) +
                                          steps[0] * steps[2] / 12 * beyond(3, sums.cubic)))};
}

/// The larger share of E[f^2] and E[f'^2].
double share(const DualDiagonal& rest, const WeightedParts& parts) {
  return std::max(std::abs(rest.value) / parts.value_square(),
                  std::abs(rest.derivative) / parts.derivative_square());
}

/// N terms of both series leave out at most |rho|^N sqrt(rest_u rest_v) (Cauchy and Schwarz): no more than
/// `loss`, relative, where |rho| <= reach_u reach_v.
double reach_of(const DualDiagonal& rest, const WeightedParts& parts, double terms, double loss) {
  return std::pow(loss / std::max(share(rest, parts), rounded_rest), 0.5 / terms);
}

/// Where a series that ended at its limit serves, and where not.
void judge(HermiteSeries& series, const NumericalFunction& function, double variance,
           const WeightedParts& parts, double loss) {
  const double terms = static_cast<double>(series.value.size());
  const DualDiagonal rest = rests(series, parts);
  if (function.kinked()) {
    const DualDiagonal known = known_rests(function.steps, variance);
    series.cut =
        share({rest.value - known.value, rest.derivative - known.derivative}, parts) > largest_kink_rest;
    series.reach = reach_of(rest, parts, terms, kinked_loss);
  } else {
    series.cut = true;
    series.reach = reach_of(rest, parts, terms, loss);
  }
}

}  // namespace

HermiteSeries hermite_series(const Polynomial& polynomial, double variance) {
  std::vector<double> slopes(polynomial.coefficients.size());
  for (std::size_t i = 1; i < slopes.size(); ++i)
    slopes[i - 1] = static_cast<double>(i) * polynomial.coefficients[i];
  return {polynomial_coefficients(polynomial.coefficients, variance),
          polynomial_coefficients(slopes, variance)};
}

HermiteSeries hermite_series(const NumericalFunction& function, double variance, double negligible) {
  if (variance == 0) return {{function.value(0)}, {function.derivative(0)}};
  const WeightedParts parts(function, std::sqrt(variance));
  const bool kinked = function.kinked();
  const std::size_t limit = static_cast<std::size_t>(kinked ? kinked_terms : most_terms);
  std::vector<double> hermite(parts.nodes().size(), 1.0);
  std::vector<double> before(parts.nodes().size(), 0.0);
  HermiteSeries series;
  std::size_t quiet = 0;
  for (std::size_t n = 0; n < limit && (kinked || quiet < quiet_terms); ++n) {
    const double a = inner(hermite, parts.value(n));
    const double b = inner(hermite, parts.derivative(n));
    series.value.push_back(a);
    series.derivative.push_back(b);
    const bool heard =
        a * a > negligible * parts.value_square() || b * b > negligible * parts.derivative_square();
    quiet = heard ? 0 : quiet + 1;
    const double back = std::sqrt(static_cast<double>(n));
    const double norm = 1 / std::sqrt(static_cast<double>(n + 1));
    for (std::size_t i = 0; i < hermite.size(); ++i) {
      const double next = (parts.nodes()[i] * hermite[i] - back * before[i]) * norm;
      before[i] = hermite[i];
      hermite[i] = next;
    }
  }
  if (kinked || quiet < quiet_terms) judge(series, function, variance, parts, std::sqrt(negligible) / 10);
  return series;
}

template <class Real>
const KinkSums<Real>& kink_sums() {
  static const auto sums = [] {
    KinkSums<Real> terms{};
    double linear = 2 / std::numbers::pi;
    double cubic = 4 / std::numbers::pi;
    double arc = 1;  // coefficients (2k)! / (4^k k!^2) of 1 / sine: twice integrated they give the linear sum
    double sine = 1;  // coefficients of sine: twice integrated, the cubic one
    for (std::size_t i = 0; i < terms.linear.size(); ++i) {
      const double power = 2 * static_cast<double>(i);
      terms.linear[i] = static_cast<Real>(linear);
      terms.square[i] = static_cast<Real>(4 * linear / (power + 1));
      terms.cubic[i] = static_cast<Real>(cubic);
      linear = 2 / std::numbers::pi * arc / ((power + 1) * (power + 2));
      cubic = 12 / std::numbers::pi * sine / ((power + 1) * (power + 2));
      arc *= (power + 1) / (power + 2);
      sine *= (power - 1) / (power + 2);
    }
    return terms;
  }();
  return sums;
}

template const KinkSums<float>& kink_sums();
template const KinkSums<double>& kink_sums();

std::vector<double> polynomial_from_hermite(std::span<const double> coefficients) {
  std::vector<double> sum(coefficients.size(), 0.0);
  std::vector<double> hermite(coefficients.size(), 0.0);
  std::vector<double> before(coefficients.size(), 0.0);
  if (!hermite.empty()) hermite[0] = 1;
  for (std::size_t n = 0; n < coefficients.size(); ++n) {
    for (std::size_t i = 0; i <= n; ++i) sum[i] += coefficients[n] * hermite[i];
    const double back = std::sqrt(static_cast<double>(n));
    const double norm = 1 / std::sqrt(static_cast<double>(n + 1));
    for (std::size_t i = std::min(n + 1, coefficients.size() - 1) + 1; i-- > 0;) {
      const double next = ((i > 0 ? hermite[i - 1] : 0.0) - back * before[i]) * norm;
      before[i] = hermite[i];
      hermite[i] = next;
    }
  }
  return sum;
}

}  // namespace widegram::kernels
