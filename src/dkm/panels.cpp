#include "src/dkm/panels.hpp"

#include <algorithm>

#include "src/kernels/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/dkm/panels.cpp"
// Highway wants this order.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace widegram::dkm::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
using Tag = hn::ScalableTag<Real>;

/// Running sums: `vectors` registers of rows of `wide` columns, which lie `step` apart in memory.
template <class Real, int vectors, int wide>
using Sums = hn::Vec<Tag<Real>>[wide][vectors];

template <class Real, int vectors, int wide>
HWY_INLINE void load(const Real* from, Index step, Sums<Real, vectors, wide>& sums) {
  const Tag<Real> tag;
  const Index lanes = static_cast<Index>(hn::Lanes(tag));
#pragma GCC unroll 16
  for (int r = 0; r < wide; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = hn::LoadU(tag, from + r * step + v * lanes);
}

template <class Real, int vectors, int wide>
HWY_INLINE void store(const Sums<Real, vectors, wide>& sums, Real* to, Index step) {
  const Tag<Real> tag;
  const Index lanes = static_cast<Index>(hn::Lanes(tag));
#pragma GCC unroll 16
  for (int r = 0; r < wide; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) hn::StoreU(sums[r][v], tag, to + r * step + v * lanes);
}

/// sums(:, r) += left b[r step]; left: `vectors` registers.
template <class Real, int vectors, int wide>
HWY_INLINE void add_products(const Real* left, const Real* b, Index step, Sums<Real, vectors, wide>& sums) {
  const Tag<Real> tag;
  const Index lanes = static_cast<Index>(hn::Lanes(tag));
  hn::Vec<Tag<Real>> a[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) a[v] = hn::LoadU(tag, left + v * lanes);
#pragma GCC unroll 16
  for (int r = 0; r < wide; ++r) {
    const auto value = hn::Set(tag, b[r * step]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(a[v], value, sums[r][v]);
  }
}

template <class Real, int vectors, int wide>
HWY_INLINE void multiply_tile(const Real* HWY_RESTRICT panel, const Real* b, const Columns& columns, Real* c,
                              Index c_step, bool add) {
  const Tag<Real> tag;
  Sums<Real, vectors, wide> sums;
  if (add) {
    load<Real, vectors, wide>(c, c_step, sums);
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < wide; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::Zero(tag);
  }
  const Index height = vectors * static_cast<Index>(hn::Lanes(tag));
  for (Index s = 0; s < columns.segments; ++s) {
    const Real* HWY_RESTRICT segment = b + s * columns.segment_step;
    for (Index k = 0; k < columns.length; ++k, panel += height)
      add_products<Real, vectors, wide>(panel, segment + k, columns.column_step, sums);
  }
  store<Real, vectors, wide>(sums, c, c_step);
}

template <class Real, int vectors>
HWY_INLINE void multiply_rows(const Real* panel, const Real* b, const Columns& columns, Real* c, Index c_step,
                              bool add) {
  for (Index image = 0; image < columns.images; ++image)
    for (Index y = 0; y < columns.height; ++y) {
      const Real* from = b + image * columns.image_step + y * columns.row_step;
      Index x = 0;
      const auto run = [&]<int wide>() HWY_ATTR {
        for (; x + wide <= columns.width; x += wide, c += wide * c_step)
          multiply_tile<Real, vectors, wide>(panel, from + x * columns.column_step, columns, c, c_step, add);
      };
      run.template operator()<8>();
      run.template operator()<4>();
      run.template operator()<1>();
    }
}

template <class Real>
void multiply(const Real* panels, Index rows, const Real* b, const Columns& columns, Real* c, Index c_step,
              bool add) {
  const Index lanes = static_cast<Index>(hn::Lanes(Tag<Real>()));
  const Index depth = columns.depth();
  Index i = 0;
  for (; i + 2 * lanes <= rows; i += 2 * lanes)
    multiply_rows<Real, 2>(panels + i * depth, b, columns, c + i, c_step, add);
  for (; i < rows; i += lanes) multiply_rows<Real, 1>(panels + i * depth, b, columns, c + i, c_step, add);
}

template <class Real, int vectors, int wide>
HWY_INLINE void outer_tile(const Real* HWY_RESTRICT d, Index rows, const Real* HWY_RESTRICT b,
                           const Columns& columns, Real* sums_at) {
  Sums<Real, vectors, wide> sums;
  load<Real, vectors, wide>(sums_at, rows, sums);
  for (Index image = 0; image < columns.images; ++image)
    for (Index y = 0; y < columns.height; ++y) {
      const Real* HWY_RESTRICT from = b + image * columns.image_step + y * columns.row_step;
      for (Index x = 0; x < columns.width; ++x, d += rows, from += columns.column_step)
        add_products<Real, vectors, wide>(d, from, 1, sums);
    }
  store<Real, vectors, wide>(sums, sums_at, rows);
}

template <class Real, int vectors>
HWY_INLINE void outer_rows(const Real* d, Index rows, const Real* b, const Columns& columns, Real* sums) {
  for (Index s = 0; s < columns.segments; ++s) {
    const Real* from = b + s * columns.segment_step;
    Index k = 0;
    const auto run = [&]<int wide>() HWY_ATTR {
      for (; k + wide <= columns.length; k += wide, sums += wide * rows)
        outer_tile<Real, vectors, wide>(d, rows, from + k, columns, sums);
    };
    run.template operator()<8>();
    run.template operator()<1>();
  }
}

template <class Real>
void outer(const Real* d, Index rows, const Real* b, const Columns& columns, Real* sums) {
  const Index lanes = static_cast<Index>(hn::Lanes(Tag<Real>()));
  Index i = 0;
  for (; i + 2 * lanes <= rows; i += 2 * lanes) outer_rows<Real, 2>(d + i, rows, b, columns, sums + i);
  for (; i < rows; i += lanes) outer_rows<Real, 1>(d + i, rows, b, columns, sums + i);
}

template <class Real>
PanelKernels<Real> all() {
  return {static_cast<Index>(hn::Lanes(Tag<Real>())), multiply<Real>, outer<Real>};
}
PanelKernels<float> float_kernels() { return all<float>(); }
PanelKernels<double> double_kernels() { return all<double>(); }

}  // namespace
}  // namespace widegram::dkm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::dkm {
namespace {
HWY_EXPORT(float_kernels);
HWY_EXPORT(double_kernels);
}  // namespace

template <>
const PanelKernels<float>& panel_kernels() {
  static const PanelKernels<float> kernels = HWY_DYNAMIC_DISPATCH(float_kernels)();
  return kernels;
}
template <>
const PanelKernels<double>& panel_kernels() {
  static const PanelKernels<double> kernels = HWY_DYNAMIC_DISPATCH(double_kernels)();
  return kernels;
}

template <class Real>
void Panels<Real>::resize(Index rows, Index depth) {
  rows_ = padded_rows(rows);
  depth_ = depth;
  tile_ = 2 * panel_kernels<Real>().lanes;
  data_.assign(static_cast<std::size_t>(rows_ * depth_), Real{0});
}

template <class Real>
void Panels<Real>::set(Index i, Index k, double value) {
  // The last rows fill one vector only where their number is odd in vectors.
  const Index first = i / tile_ * tile_;
  const Index height = std::min(tile_, rows_ - first);
  data_[static_cast<std::size_t>(first * depth_ + k * height + (i - first))] = static_cast<Real>(value);
}

template <class Real>
void Panels<Real>::assign(const double* values, Index rows, Index row_step, Index depth, Index depth_step) {
  resize(rows, padded_rows(depth));
  for (Index k = 0; k < depth; ++k)
    for (Index i = 0; i < rows; ++i) set(i, k, values[i * row_step + k * depth_step]);
}

template class Panels<float>;
template class Panels<double>;

}  // namespace widegram::dkm
#endif  // HWY_ONCE
