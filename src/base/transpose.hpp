#pragma once

#include <cstring>

#include "src/base/index.hpp"

namespace widegram {

/// to[j + i * to_stride] = from[i + j * from_stride] for i < rows, j < cols: a column-major window turned
/// into a row-major one, or the other way round. Squares of 16-byte vectors at a time (every processor has
/// those; a plain loop takes three times as long): memory is the limit.
template <class T>
void transpose(const T* from, Index rows, Index cols, Index from_stride, T* to, Index to_stride) {
  using Vector [[gnu::vector_size(16)]] = T;
  constexpr Index lanes = 16 / sizeof(T);
  static_assert(lanes == 4 || lanes == 2);
  const auto load = [](const T* at) {
    Vector v;
    std::memcpy(&v, at, sizeof v);
    return v;
  };
  const auto store = [](const Vector& v, T* at) { std::memcpy(at, &v, sizeof v); };
  const Index whole_rows = rows / lanes * lanes;
  const Index whole_cols = cols / lanes * lanes;
  for (Index i = 0; i < whole_rows; i += lanes)
    for (Index j = 0; j < whole_cols; j += lanes) {
      const T* source = from + i + j * from_stride;
      T* target = to + j + i * to_stride;
      const Vector a = load(source);
      const Vector b = load(source + from_stride);
      if constexpr (lanes == 4) {
        const Vector c = load(source + 2 * from_stride);
        const Vector d = load(source + 3 * from_stride);
        const Vector ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
        const Vector ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
        const Vector bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
        const Vector bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
        store(__builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5), target);
        store(__builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7), target + to_stride);
        store(__builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5), target + 2 * to_stride);
        store(__builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7), target + 3 * to_stride);
      } else {
        store(__builtin_shufflevector(a, b, 0, 2), target);
        store(__builtin_shufflevector(a, b, 1, 3), target + to_stride);
      }
    }
  for (Index i = 0; i < rows; ++i)
    for (Index j = i < whole_rows ? whole_cols : 0; j < cols; ++j)
      to[j + i * to_stride] = from[i + j * from_stride];
}

}  // namespace widegram
