#include "src/dist/symmetric_product.hpp"

#include <algorithm>

// One target for each width that machines in use have; SVE's vectors cannot be kept in arrays.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/dist/symmetric_product.cpp"
// Highway wants this order.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/cache_control.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace widegram::dist::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
/// At most this many numbers of the width are worked on at a time: what the registers hold.
constexpr int most_numbers = 16;
/// Columns of the tile at a time, by the registers that there are.
constexpr int columns_at_once = HWY_LANES(double) >= 8 ? 4 : 1;
constexpr Index line = 64 / sizeof(double);

/// `columns` columns of the tile from number j on, and `numbers` of the width from `first` on, in registers
/// of at most `most` numbers.
template <int columns, int numbers, int most, bool mirrored>
HWY_INLINE void add_columns(MatrixView<const double> a, Index j, const FacingVectors& facing, Index first) {
  using Tag = hn::CappedTag<double, most>;
  using Value = hn::Vec<Tag>;
  constexpr Index lanes = HWY_MIN(HWY_LANES(double), most);
  constexpr Index vectors = numbers / lanes;
  const Tag tag;
  Value x[columns][vectors];
  Value sum[columns][vectors];
  for (int c = 0; c < columns; ++c)
    for (int v = 0; v < vectors; ++v) {
      x[c][v] = hn::LoadU(tag, facing.x_of_cols + (j + c) * facing.width + first + v * lanes);
      sum[c][v] = hn::Zero(tag);
    }
  const double* column = a.column(j);
  const double* ahead = column + columns * a.stride;  // what comes next, if it is there, does no harm if not
  for (Index i = 0; i < a.rows; ++i) {
    if (first == 0 && i % line == 0)
      for (int c = 0; c < columns; ++c) hwy::Prefetch(ahead + i + c * a.stride);
    double* y_row = facing.y_of_rows + i * facing.width + first;
    Value y[vectors];
    Value x_row[vectors];
    for (int v = 0; v < vectors; ++v) {
      y[v] = hn::LoadU(tag, y_row + v * lanes);
      if constexpr (mirrored)
        x_row[v] = hn::LoadU(tag, facing.x_of_rows + i * facing.width + first + v * lanes);
    }
    for (int c = 0; c < columns; ++c) {
      const Value entry = hn::Set(tag, column[i + c * a.stride]);
      for (int v = 0; v < vectors; ++v) {
        y[v] = hn::MulAdd(entry, x[c][v], y[v]);
        if constexpr (mirrored) sum[c][v] = hn::MulAdd(entry, x_row[v], sum[c][v]);
      }
    }
    for (int v = 0; v < vectors; ++v) hn::StoreU(y[v], tag, y_row + v * lanes);
  }
  if constexpr (mirrored)
    for (int c = 0; c < columns; ++c)
      for (int v = 0; v < vectors; ++v) {
        double* y = facing.y_of_cols + (j + c) * facing.width + first + v * lanes;
        hn::StoreU(hn::Add(hn::LoadU(tag, y), sum[c][v]), tag, y);
      }
}

template <int numbers, bool mirrored>
void add_tile(MatrixView<const double> a, const FacingVectors& facing, Index first) {
  constexpr int most = numbers % 8 == 0 ? 8 : 4;
  Index j = 0;
  for (; j + columns_at_once <= a.cols; j += columns_at_once)
    add_columns<columns_at_once, numbers, most, mirrored>(a, j, facing, first);
  for (; j < a.cols; ++j) add_columns<1, numbers, most, mirrored>(a, j, facing, first);
}

template <bool mirrored>
void add_all(MatrixView<const double> a, const FacingVectors& facing) {
  Index first = 0;
  for (; first + most_numbers <= facing.width; first += most_numbers)
    add_tile<most_numbers, mirrored>(a, facing, first);
  switch (facing.width - first) {
    case 12:
      return add_tile<12, mirrored>(a, facing, first);
    case 8:
      return add_tile<8, mirrored>(a, facing, first);
    case 4:
      return add_tile<4, mirrored>(a, facing, first);
    default:
      return;
  }
}

void add_tile_products(MatrixView<const double> a, const FacingVectors& facing) {
  if (facing.x_of_rows != nullptr)
    add_all<true>(a, facing);
  else
    add_all<false>(a, facing);
}

}  // namespace
}  // namespace widegram::dist::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::dist {
HWY_EXPORT(add_tile_products);
void add_tile_products(MatrixView<const double> a, const FacingVectors& facing) {
  HWY_DYNAMIC_DISPATCH(add_tile_products)(a, facing);
}
}  // namespace widegram::dist
#endif
