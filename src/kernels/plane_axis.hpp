#pragma once

#include <vector>

#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// Windows along one axis of an image that leave another number of pixels: those of a strided or valid
/// convolution, or of an average pool.
class AxisWindows {
 public:
  static AxisWindows of(const Conv& conv, Index inputs);
  static AxisWindows of(const AvgPool& pool, Index inputs);

  Index inputs() const { return inputs_; }
  Index outputs() const { return std::ssize(taps_); }

  /// A pair of input pixels (p, p + d) counts towards the pair of output pixels (q, q + offset).
  struct Target {
    Index pixel;   ///< q
    Index offset;  ///< around the outputs
    bool operator==(const Target&) const = default;
  };
  /// What the input pair of pixel p at offset d, around the inputs, counts towards. A pool's windows move on
  /// their own, a convolution's taps together.
  std::vector<Target> targets(Index pixel, Index offset) const;

  /// The offsets of input pairs that the given offsets of output pairs need; both sorted.
  std::vector<Index> needs(const std::vector<Index>& offsets) const;

 private:
  /// taps[q][t]: the input pixel of tap t of output q, -1 outside.
  AxisWindows(Index inputs, std::vector<std::vector<Index>> taps, bool together)
      : inputs_(inputs), taps_(std::move(taps)), together_(together) {}

  Index inputs_;
  std::vector<std::vector<Index>> taps_;
  bool together_;
};

/// 0, 1, ..., count - 1.
std::vector<Index> all_offsets(Index count);

}  // namespace widegram::kernels
