#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "src/base/matrix_view.hpp"
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

/// Series members: these numbers, then value and derivative coefficients in turn.
struct SeriesHead {
  static constexpr Index inverse_root = 0;  ///< 1 / sqrt(q)
  static constexpr Index root_unless_cut =
      1;                             ///< sqrt(q); 0, which takes the kink's sums out, for a cut series
  static constexpr Index reach = 2;  ///< HermiteSeries::reach
};
constexpr Index series_head = 3;

/// The numbers of each `group` members in a row, side by side: number k of member g * group + i lands at
/// (g * width + k) * group + i. The last group is filled up with zeros.
template <class Real>
std::vector<Real> pack(SideView<Real> side, Index group);

/// pack(), without a copy where the numbers lie so already.
template <class Real>
class Packed {
 public:
  Packed(SideView<Real> side, Index group) {
    if (side.count == group && side.stride == group) {
      data_ = side.values;
    } else {
      copy_ = pack(side, group);
      data_ = copy_.data();
    }
  }
  const Real* data() const { return data_; }

 private:
  std::vector<Real> copy_;
  const Real* data_;
};

/// Some of a side's members.
template <class Real>
SideView<Real> members(SideView<Real> side, Range range) {
  return {side.values + range.begin, side.width, side.stride, range.size()};
}

/// A copy of some rows of a matrix with rows of zeros below.
template <class Real>
class PaddedRows {
 public:
  PaddedRows(MatrixView<Real> rows, Index height)
      : rows_(rows), padded_(rows.empty() ? 0 : static_cast<std::size_t>(height * rows.cols)) {
    const MatrixView<Real> padded = view();
    if (!rows.empty())
      for (Index j = 0; j < rows.cols; ++j) std::copy_n(rows.column(j), rows.rows, padded.column(j));
  }

  MatrixView<Real> view() {
    return {padded_.data(), rows_.empty() ? 0 : std::ssize(padded_) / rows_.cols, rows_.cols};
  }

  void copy_back() {
    if (rows_.empty()) return;
    for (Index j = 0; j < rows_.cols; ++j) std::copy_n(view().column(j), rows_.rows, rows_.column(j));
  }

 private:
  MatrixView<Real> rows_;
  std::vector<Real> padded_;
};

/// apply_dual() by the formulas and series alone, vectorised.
template <class Real>
void apply_formulas(const Activation& activation, SideView<Real> rows, SideView<Real> cols,
                    MatrixView<Real> nngp, MatrixView<Real> ntk);

}  // namespace widegram::kernels
