#pragma once

#include <algorithm>

#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// How windows lie along one axis of an image: window o covers the inputs
/// [o * stride - low, o * stride - low + size).
struct Windows {
  Index outputs = 0;
  Index low = 0;  ///< how far the first one reaches beyond the border
};

/// As JAX lays them: with padding there are as many as steps, and an odd pad is at the high end.
inline Windows windows_along(Index inputs, Index size, Index stride, Padding padding) {
  if (padding == Padding::valid) return {(inputs - size) / stride + 1, 0};
  const Index outputs = ceil_div(inputs, stride);
  return {outputs, std::max<Index>((outputs - 1) * stride + size - inputs, 0) / 2};
}

}  // namespace widegram::kernels
