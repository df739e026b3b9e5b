#include "src/kernels/tile_pairs.hpp"

namespace widegram::kernels {
namespace {

template <class Real>
TileSymmetry symmetry_of(const SampleSet<Real>& rows, Range row_range, const SampleSet<Real>& cols,
                         Range col_range, bool flips) {
  return {
      .symmetric = rows.ids(row_range) == cols.ids(col_range),
      .flips = flips && rows.order() == SampleOrder::flip_pairs && cols.order() == SampleOrder::flip_pairs};
}

}  // namespace

template <class Real>
TilePairs::TilePairs(const SampleSet<Real>& rows, Index row, const SampleSet<Real>& cols, Index col,
                     Extent extent, Sameness same, bool flips)
    : symmetry_(symmetry_of(rows, {row, row + extent.rows}, cols, {col, col + extent.cols}, flips)) {
  for (Index j = 0; j < extent.cols; ++j)
    for (Index i = 0; i < extent.rows; ++i)
      if (symmetry_.stands_for_others(i, j))
        (same(rows, row + i, cols, col + j) ? equal_ : to_compute_).push_back({i, j});
}

template TilePairs::TilePairs(const SampleSet<float>&, Index, const SampleSet<float>&, Index, Extent,
                              Sameness, bool);
template TilePairs::TilePairs(const SampleSet<double>&, Index, const SampleSet<double>&, Index, Extent,
                              Sameness, bool);

}  // namespace widegram::kernels
