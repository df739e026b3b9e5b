#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "src/kernels/activation.hpp"
#include "src/kernels/dual.hpp"

namespace widegram::kernels {

/// The numbers that a closed form needs of a member of variance q, in the order in which dual_formulas.inl
/// reads them. A member without variance has correlation 0 with everything.

inline std::array<double, 2> root_numbers(double q) {
  const double root = std::sqrt(q);
  return {root, q > 0 ? 1 / root : 0.0};
}
inline std::array<double, 2> member_numbers(const AbRelu&, double q) { return root_numbers(q); }
inline std::array<double, 2> member_numbers(const Sign&, double q) { return root_numbers(q); }
inline std::array<double, 2> member_numbers(const NormalizedExponential&, double q) {
  return root_numbers(q);
}

/// Of t, for sqrt((1 + t1)(1 + t2) - c^2) without cancellation.
inline std::array<double, 3> shifted_numbers(double t) { return {std::sqrt(t), t + 0.5, std::sqrt(1 + t)}; }
inline std::array<double, 3> member_numbers(const Erf&, double q) { return shifted_numbers(2 * q); }
inline std::array<double, 3> member_numbers(const Gaussian&, double q) { return shifted_numbers(2 * q); }
inline std::array<double, 3> member_numbers(const Gelu&, double q) { return shifted_numbers(q); }

inline std::array<double, 1> member_numbers(const Sine&, double q) { return {q / 2}; }
inline std::array<double, 1> member_numbers(const Exponential&, double q) { return {q / 2}; }
inline std::array<double, 1> member_numbers(const Rbf& f, double q) { return {f.gamma * q}; }

/// Series members: 1 / sqrt(q) and sqrt(q), then value and derivative coefficients in turn.
constexpr Index series_head = 2;

/// The numbers of each `group` members in a row, side by side: number k of member g * group + i lands at
/// (g * width + k) * group + i. The last group is filled up with zeros.
template <class Real>
std::vector<Real> pack(SideView<Real> side, Index group);

}  // namespace widegram::kernels
