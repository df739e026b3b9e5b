#include "src/kernels/flips.hpp"

#include <algorithm>

#include "src/kernels/windows.hpp"

namespace widegram::kernels {
namespace {

/// Follows the width of an image through a network until something tells left from right.
class FlipWalk {
 public:
  Index through(const Network& network, Index width) {
    for (const Layer& layer : network)
      if (symmetric) width = std::visit([&](const auto& kind) { return enter(kind, width); }, layer.kind());
    return width;
  }

  bool symmetric = true;

 private:
  /// The mirror image of window o has to be a window, the one that is counted o from the right.
  Index slide(Index width, Index size, Index stride, Padding padding) {
    const Windows windows = windows_along(width, size, stride, padding);
    const Index shift = (windows.outputs - 1) * stride + size - width - 2 * windows.low;
    symmetric = padding == Padding::circular ? shift % width == 0 : shift == 0;
    return windows.outputs;
  }

  Index enter(const Conv& conv, Index width) { return slide(width, conv.size, conv.stride, conv.padding); }
  Index enter(const AvgPool& pool, Index width) {
    return slide(width, pool.size, pool.stride, Padding::valid);
  }
  Index enter(const GlobalAvgPool&, Index) { return 1; }
  Index enter(const Flatten&, Index) { return 1; }
  Index enter(const Repeat& repeat, Index width) {
    for (Index round = 0; round < repeat.times && symmetric; ++round) {
      const Index left = through(repeat.layers, width);
      if (left == width) break;  // so will the next rounds be
      width = left;
    }
    return width;
  }
  Index enter(const Residual& residual, Index width) {
    through(residual.shortcut, width);
    return through(residual.layers, width);
  }
  Index enter(const Product& product, Index width) {
    Index left = width;
    for (const Network& branch : product.branches) left = through(branch, width);
    return left;
  }
  template <class Pixelwise>
  Index enter(const Pixelwise&, Index width) {
    return width;
  }
};

}  // namespace

bool flip_equivariant(const Network& network, const SampleShape& input) {
  FlipWalk walk;
  walk.through(network, input.width);
  return walk.symmetric;
}

}  // namespace widegram::kernels
