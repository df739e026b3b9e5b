#pragma once

#include <span>

#include "src/base/aligned_vector.hpp"
#include "src/base/index.hpp"

namespace widegram::dkm {

/// Products of a small matrix with very many short columns that lie together, as a layer's points do (all
/// inducing points of a position, then the next position): a BLAS would copy each column more often than it
/// uses it. Here columns are read where they lie, and a convolution is the same product with overlapping
/// columns.

/// Rows of everything below come in whole groups of these; what is beyond the points is zero.
constexpr Index row_group = 16;
constexpr Index padded_rows(Index points) { return round_up(points, row_group); }

/// Column (image, y, x) begins at image * image_step + y * row_step + x * column_step; it is `segments` runs
/// of `length` numbers, segment_step apart.
struct Columns {
  Index images = 1;
  Index height = 1;
  Index width = 1;
  Index image_step = 0;
  Index row_step = 0;
  Index column_step = 0;
  Index segments = 1;
  Index segment_step = 0;
  Index length = 0;

  Index count() const { return images * height * width; }
  Index depth() const { return segments * length; }
};

/// Columns one after another.
inline Columns plain_columns(Index rows, Index count) {
  return {.width = count, .column_step = rows, .length = rows};
}

/// A small matrix, laid out for PanelKernels::multiply().
template <class Real>
class Panels {
 public:
  /// values(i, k) at values[i * row_step + k * depth_step]; `depth` numbers in each of `rows` rows, zeros up
  /// to the padded rows.
  void assign(const double* values, Index rows, Index row_step, Index depth, Index depth_step);
  /// A matrix of depth segments * padded_rows(points): column k * points + p of segment blocks.
  Index rows() const { return rows_; }
  Index depth() const { return depth_; }
  const Real* data() const { return data_.data(); }
  /// For writers of other orders: sizes the panels with zeros, then set() entries.
  void resize(Index rows, Index depth);
  void set(Index i, Index k, double value);

 private:
  Index rows_ = 0;  // padded
  Index depth_ = 0;
  Index tile_ = 0;
  AlignedVector<Real> data_;
};

template <class Real>
struct PanelKernels {
  Index lanes;  ///< numbers in a vector register

  /// c(:, n) = A b(:, n), or += where `add`; columns of c are c_step apart. panels: rows (a multiple of
  /// row_group) x b.depth(). 2 rows depth count flops.
  void (*multiply)(const Real* panels, Index rows, const Real* b, const Columns& columns, Real* c,
                   Index c_step, bool add);

  /// sums(i, k) += sum_n d(i, n) b(k, n): d: rows x count, one column after another; sums: rows x b.depth(),
  /// column-major. 2 rows depth count flops.
  void (*outer)(const Real* d, Index rows, const Real* b, const Columns& columns, Real* sums);
};

/// Those for this machine, chosen at run time (Google Highway).
template <class Real>
const PanelKernels<Real>& panel_kernels();

}  // namespace widegram::dkm
