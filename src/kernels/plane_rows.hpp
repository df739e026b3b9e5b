#pragma once

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

}  // namespace widegram::kernels
