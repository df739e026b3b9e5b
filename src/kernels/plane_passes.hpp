#pragma once

#include "src/kernels/plane_arccos.hpp"
#include "src/kernels/plane_rows.hpp"

namespace widegram::kernels {

/// What happens to one offset plane, a pass over its rows at a time; written once on Google Highway's vectors
/// and chosen for this machine at run time. Where a pass says so, it may write in place, and one or more rows
/// above where it reads.
template <class Real>
struct PlanePasses {
  Index lanes;  ///< values in a vector register

  /// K = scale <x_p, z_p+d> over the channels, which are the pixels' numbers; T is not written.
  void (*input)(const PlanePlace<Real>& place, const PairNumbers<Real>& pixels, Index channels, Real scale,
                Rows leave, const PlaneRows<Real>& out);

  /// scale times what the rows say, plus bias. May write in place or above.
  void (*copy)(const PlanePlace<Real>& place, const PlaneRows<Real>& in, Rows found, Real scale, Real bias,
               Rows leave, const PlaneRows<Real>& out);

  ArccosFunction<Real> arccos;

  /// Sums of size x size windows of whole rows of one kernel, elsewhere; missing taps count as zeros.
  void (*window)(const PlanePlace<Real>& place, Index size, const Real* in, Real* out);

  /// The same around the edges.
  void (*circular_window)(const PlanePlace<Real>& place, Index size, const Real* in, Real* out);

  /// K <- weight K + bias, then T <- K + weight T, in place.
  void (*weights)(const PlaneLayout& layout, Real weight, Real bias, const PlaneRows<Real>& rows);

  /// K and T times number 0 of both pixels, in place.
  void (*norm)(const PlanePlace<Real>& place, const PairNumbers<Real>& numbers, const PlaneRows<Real>& rows);

  /// Adds each row of one kernel to where it is told; null leaves a row out.
  void (*add_rows)(const PlaneLayout& layout, const Real* values, Real* const* targets);

  /// Adds a rows x width piece of one array to another. Behind both there must be memory for up to a register
  /// more, to which zeros are added.
  void (*add_piece)(Index rows, Index width, const Real* from, Index from_stride, Real* to, Index to_stride);

  /// The sum of one kernel's plane, accumulated in double.
  double (*sum)(const PlaneLayout& layout, const Real* values);
};

/// Those for this machine.
template <class Real>
PlanePasses<Real> plane_passes();
template <>
PlanePasses<float> plane_passes();
template <>
PlanePasses<double> plane_passes();

}  // namespace widegram::kernels
