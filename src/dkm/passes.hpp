#pragma once

#include "src/base/index.hpp"

namespace widegram::dkm {

/// What an arc-cosine pass knows of the members: roots of the variances and what is left of dK/da = s / (2 pi
/// a); zeros for rows beyond the points.
template <class Real>
struct ArccosMembers {
  const Real* root;          ///< sqrt(q)
  const Real* inverse_root;  ///< 1 / sqrt(q), 0 for a member without variance
};

/// Passes over matrices of `rows` (a multiple of row_group, panels.hpp) x count numbers, one column after
/// another.
template <class Real>
struct ColumnPasses {
  /// out = weight K + bias with K = (1/pi)(sqrt(ab) sin(theta) + (pi - theta) c); where slope is not null
  /// also slope = weight K_c, sine = sin(theta). out may be in.
  void (*arccos)(const Real* in, Index rows, Index count, const ArccosMembers<Real>& left,
                 const ArccosMembers<Real>& right, Real weight, Real bias, Real* out, Real* slope,
                 Real* sine);
  /// d_in = d_out slope (may be d_out's memory); left_sums[i] += sum_n d_out root_n sine, right_sums[n] =
  /// sum_i d_out root_i sine.
  void (*arccos_adjoint)(const Real* d_out, Index rows, Index count, const Real* left_root,
                         const Real* right_root, const Real* slope, const Real* sine, Real* d_in,
                         Real* left_sums, Real* right_sums);
  /// out[n] = sum_i x(i, n) y(i, n).
  void (*column_dots)(const Real* x, Index x_step, const Real* y, Index y_step, Index rows, Index count,
                      Real* out);
  /// out(i, n) = row[i] column[n] x(i, n); out may be x.
  void (*scale)(const Real* x, Index rows, Index count, const Real* row, const Real* column, Real* out);
  /// row_sums[i] += sum_n column[n] x d, column_sums[n] = sum_i row[i] x d.
  void (*scale_sums)(const Real* x, const Real* d, Index rows, Index count, const Real* row,
                     const Real* column, Real* row_sums, Real* column_sums);
  /// out = a x + b y, or a x where y is null; count numbers.
  void (*combine)(Real a, const Real* x, Real b, const Real* y, Index count, Real* out);
};

template <class Real>
const ColumnPasses<Real>& column_passes();

}  // namespace widegram::dkm
