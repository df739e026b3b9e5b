#pragma once

#include <string>
#include <vector>

#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// One line of `widegram describe`: a layer with what leaves it and what it costs.
struct LayerReport {
  std::string name;            ///< e.g. "conv 3x3 same, w = 2, b = 0"
  Index depth = 0;             ///< nesting: 0 at the top, one more inside repeat, residual and product
  SampleShape output;          ///< channels is 0 behind a weight layer (infinitely many)
  double flops_per_entry = 0;  ///< of this line alone; all lines and the input's inner products add up
  Index variances = 0;         ///< that it needs of a sample: one a pixel at activations and layer norms
};

/// Pairs of pixels of two samples of this shape that a network has to follow: all of them where it mixes
/// pixels, else the pairs of a pixel with itself. 1 for vectors.
Index pixel_pairs(const Network& network, const SampleShape& shape);

/// Floating-point operations of an entry, NNGP and NTK together, from inner products to output. Additions,
/// multiplications and calls of a root count one each; an activation counts what its closed form takes, about
/// 20 to 60 a pair; a window of size k counts k - 1 additions along each axis (averages are separable).
double flops_per_entry(const Network& network, SampleShape input);

/// Follows the input through the network. Throws Error(usage) naming the layer, its place and the shapes
/// where it does not fit: a window larger than the image, branches that leave different shapes, an end that
/// is not one number a pair (pixels left over: end with flatten or global_avgpool), parameters out of range
/// (an even conv size, keep outside (0, 1], ...). Layers count from 1; one inside another is named by its
/// path: "layer 2.residual.1", "layer 3.product.2.1".
std::vector<LayerReport> check_shapes(const Network& network, SampleShape input);

}  // namespace widegram::kernels
