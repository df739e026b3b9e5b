#pragma once

#include "src/kernels/activation.hpp"
#include "src/kernels/plane_layout.hpp"

namespace widegram::kernels {

/// Rows wider than this many vector registers are not for planes.
constexpr Index most_vectors = 64;

/// K and T of a plane; ntk is null where T is not followed, and may be the same as nngp in what a pass reads.
template <class Real>
struct PlaneRows {
  Real* nngp = nullptr;
  Real* ntk = nullptr;
};

/// Numbers of the pixels of both images at some layer: number k of the first image begins at plain + k
/// plain_step, that of the second, in shifted form, at shifted + k shifted_step.
template <class Real>
struct PairNumbers {
  const Real* plain = nullptr;
  Index plain_step = 0;
  const Real* shifted = nullptr;
  Index shifted_step = 0;
};

/// The plane at work: its place, and which neighbours are neighbours in both images.
template <class Real>
struct PlanePlace {
  PlaneLayout layout;
  Offset offset;
  /// Of each place in a row, 1 where the pixel j columns further is a neighbour in both images, else 0: for j
  /// = -1, 1, -2, 2, ... a row of stride() values each.
  const Real* links = nullptr;
};

/// How the rows that a pass reads came about, and how it leaves those that it writes.
enum class Rows {
  whole,      ///< values of the plane
  row_summed  ///< each the sum of three columns: three rows have still to be added up
};

/// The dual of a function that is linear on either side of zero with all that surrounds it: of c and t, what
/// the rows say plus bias, it leaves K = scale D(c) and T = scale D'(c) t, plus K where it leaves sums of a
/// row for a weight layer.
template <class Real>
struct ArccosPass {
  AbRelu activation;
  double scale = 1;  ///< the weight of each tap of the layer to come
  Rows found = Rows::whole;
  Rows leave = Rows::whole;
  Real bias = 0;              ///< of the layer before
  bool nonnegative = false;   ///< no covariance is below zero
  PairNumbers<Real> numbers;  ///< roots of the variances (plain: times arccos_factor()), their reciprocals
};

/// What the plain form of an ArccosPass's roots is multiplied by.
double arccos_factor(const AbRelu& activation, double scale);

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

  /// May write above, or in place if it finds whole rows.
  void (*arccos)(const PlanePlace<Real>& place, const ArccosPass<Real>& pass, const PlaneRows<Real>& in,
                 const PlaneRows<Real>& out);

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

  /// Adds a rows x width piece of one array to another.
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
