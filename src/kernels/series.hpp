#pragma once

#include <array>
#include <span>
#include <vector>

#include "src/kernels/activation.hpp"
#include "src/kernels/activation_functions.hpp"

namespace widegram::kernels {

/// What Mehler's formula asks of one side of a pair: with u = sqrt(variance) z, z standard normal, and the
/// normalised Hermite polynomials h_n, value[n] = E[f(u) h_n(z)] and derivative[n] = E[f'(u) h_n(z)]. Then
///   E[f(u) f(v)]   = sum_n value_u[n] value_v[n] rho^n,
///   E[f'(u) f'(v)] = sum_n derivative_u[n] derivative_v[n] rho^n.
struct HermiteSeries {
  std::vector<double> value;
  std::vector<double> derivative;  ///< as long as value
  /// Ended by the limit on terms, not by the last ones being negligible: with `reach` of the other member,
  /// what is left out can be told. Where either member's is cut, the sums serve pairs of |rho| <= reach_u
  /// reach_v.
  bool cut = false;
  double reach = uncut_reach;

  /// A complete series needs no more terms, whatever the other member has.
  static constexpr double uncut_reach = 2;
};

/// Exact to rounding, as many terms as the polynomial has.
HermiteSeries hermite_series(const Polynomial& polynomial, double variance);

/// Terms below this share of E[f^2] and of E[f'^2] end a series. Its root bounds what a much longer series of
/// the other member, whose terms are far from negligible there, can lose.
template <class Real>
constexpr double negligible_term = 1e-20;
template <>
inline constexpr double negligible_term<float> = 1e-12;

/// Terms at most of the series of a function without a kink.
constexpr Index most_terms = 1024;

/// By quadrature, at any variance, with as many terms as bring the rest below rounding: at variance 1 some
/// 280 for tanh and 90 for silu, less than half of that for float, in proportion to the variance beyond, up
/// to most_terms (tanh: variance 4; float: 11); kinked_terms for a function with a kink, whatever the
/// variance. Cost: terms times the nodes of gaussian_half_line(), 0.2 ms for 200 terms, 1.2 ms for
/// most_terms.
HermiteSeries hermite_series(const NumericalFunction& function, double variance, double negligible);

/// A kinked function is smooth but for steps s2, s3, s4 of its second, third and fourth derivative at 0: f'
/// is, but for smooth parts, s2/2 |x| + s3/4 x|x| + s4/12 |x|^3 + ..., and f is s2/4 x|x| + .... Their series
/// fall off like powers of n, too slowly to be summed near rho = 1, but their sums are known (integrate twice
/// in rho, Price's theorem):
///   E[|z||z'|]     = (2/pi) (sine + rho angle),                     even powers of rho
///   E[z|z| z'|z'|] = (2/pi) (3 rho sine + (1 + 2 rho^2) angle),     odd powers
///   E[|z||z'|^3]   = (2/pi) (sine (2 + rho^2) + 3 rho angle),       even powers
/// with sine = sqrt(1 - rho^2), angle = asin(rho). So kinked_terms terms of the function's own series, and of
/// these sums all that is not in their own first kinked_terms terms, stand for the whole (Kummer's
/// transformation). The error left is largest at rho = 1 and goes with kinked_terms^(-7/2) and variance^3:
/// for the derivative of elu, relative, 7e-10 at variance 1, 7e-8 at 4. Where it passes 1e-7 (elu: variance
/// 10 or so) the steps at 0 are not all that bends the function on that scale: the series counts as cut, and
/// pairs go without the sums.
constexpr Index kinked_terms = 256;

/// First coefficients of the three sums, by k: of rho^(2k), rho^(2k + 1), rho^(2k).
template <class Real>
struct KinkSums {
  using Coefficients = std::array<Real, kinked_terms / 2>;
  Coefficients linear, square, cubic;
};

template <class Real>
const KinkSums<Real>& kink_sums();

/// Coefficients in powers of x of sum_n coefficients[n] h_n(x).
std::vector<double> polynomial_from_hermite(std::span<const double> coefficients);

}  // namespace widegram::kernels
