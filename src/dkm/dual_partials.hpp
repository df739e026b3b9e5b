#pragma once

#include <array>
#include <cmath>
#include <numbers>

#include "src/kernels/activation.hpp"

namespace widegram::dkm {

/// The derivatives of the closed forms D(a, c, b), from D and D_c, which the kernels give. Each class:
/// number(q), worked out once a member; operator()(a, c, b, D, D_c) with the members' variances and numbers.
template <class Real>
struct Member {
  Real variance;
  Real number;
};

template <class Real>
struct Partials {
  Real slope;  ///< D_c
  Real left;   ///< D_a
  Real right;  ///< D_b
};

/// D(s^2 a, s c, b) = s D(a, c, b): 2a D_a + c D_c = D.
template <class Real>
struct HomogeneousPartials {
  static Real number(Real q) { return q > 0 ? Real{0.5} / q : Real{0}; }
  Partials<Real> operator()(Member<Real> a, Real c, Member<Real> b, Real value, Real slope) const {
    const Real rest = value - c * slope;
    return {slope, rest * a.number, rest * b.number};
  }
};

/// (2 / pi) asin(rho), whose slope the kernels count as zero, as the NTK wants it.
template <class Real>
struct SignPartials {
  static Real number(Real q) { return HomogeneousPartials<Real>::number(q); }
  Partials<Real> operator()(Member<Real> a, Real c, Member<Real> b, Real, Real) const {
    const Real gap = a.variance * b.variance - c * c;
    const Real slope = gap > 0 ? static_cast<Real>(2 / std::numbers::pi) / std::sqrt(gap) : Real{0};
    return {slope, -c * slope * a.number, -c * slope * b.number};
  }
};

/// A function of c / sqrt((1 + 2a)(1 + 2b)).
template <class Real>
struct ErfPartials {
  static Real number(Real q) { return -1 / (1 + 2 * q); }
  Partials<Real> operator()(Member<Real> a, Real c, Member<Real> b, Real, Real slope) const {
    return {slope, c * slope * a.number, c * slope * b.number};
  }
};

/// D = 1 / sqrt((1 + 2a)(1 + 2b) - 4 c^2).
template <class Real>
struct GaussianPartials {
  static Real number(Real q) { return -(1 + 2 * q); }
  Partials<Real> operator()(Member<Real> a, Real, Member<Real> b, Real value, Real slope) const {
    const Real cube = value * value * value;
    return {slope, cube * b.number, cube * a.number};
  }
};

/// phi'' = 2 factor phi, or a D that holds exp(factor (a + b)).
template <class Real>
struct ProportionalPartials {
  Real factor;
  static Real number(Real) { return 0; }
  Partials<Real> operator()(Member<Real>, Real, Member<Real>, Real value, Real slope) const {
    return {slope, factor * value, factor * value};
  }
};

/// D_a = E[phi''(u) phi(v)] / 2 with phi'' = (2 - u^2) times the normal density: a Gaussian expectation of (2
/// - u^2) v Phi(v) under variances a' = a/(1+a), b' = b - c^2/(1+a) and covariance c' = c/(1+a).
template <class Real>
struct GeluPartials {
  static Real number(Real q) { return 1 / (1 + q); }
  Partials<Real> operator()(Member<Real> a, Real c, Member<Real> b, Real, Real slope) const {
    return {slope, by_first(a, c, b.variance), by_first(b, c, a.variance)};
  }

 private:
  static Real by_first(Member<Real> a, Real c, Real b) {
    const Real covariance = c * a.number;
    const Real other = b - c * covariance;
    const Real inverse = 1 / (1 + other);
    const Real moments = other * (2 - a.variance * a.number) - covariance * covariance * (1 + inverse);
    return static_cast<Real>(0.25 / std::numbers::pi) * std::sqrt(a.number * inverse) * moments;
  }
};

/// The formula of an activation; those summed by series have none.
template <class Real>
auto partials_of(const kernels::AbRelu&) {
  return HomogeneousPartials<Real>();
}
template <class Real>
auto partials_of(const kernels::NormalizedExponential&) {
  return HomogeneousPartials<Real>();
}
template <class Real>
auto partials_of(const kernels::Sign&) {
  return SignPartials<Real>();
}
template <class Real>
auto partials_of(const kernels::Erf&) {
  return ErfPartials<Real>();
}
template <class Real>
auto partials_of(const kernels::Gaussian&) {
  return GaussianPartials<Real>();
}
template <class Real>
auto partials_of(const kernels::Gelu&) {
  return GeluPartials<Real>();
}
template <class Real>
auto partials_of(const kernels::Sine&) {
  return ProportionalPartials<Real>{Real{-0.5}};
}
template <class Real>
auto partials_of(const kernels::Exponential&) {
  return ProportionalPartials<Real>{Real{0.5}};
}
template <class Real>
auto partials_of(const kernels::Rbf& f) {
  return ProportionalPartials<Real>{static_cast<Real>(-f.gamma)};
}

}  // namespace widegram::dkm
