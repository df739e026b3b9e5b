#pragma once

#include <string>
#include <vector>

#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// One line of `widegram describe`: a layer with what leaves it and what it costs.
struct LayerReport {
  std::string name;         ///< e.g. "conv 3x3 same, w = 2, b = 0"
  Index depth = 0;          ///< nesting: 0 at the top, one more inside repeat, residual and product
  SampleShape output;        ///< channels is 0 behind a weight layer (infinitely many)
  double flops_per_entry = 0;
};

/// Follows the input through the network. Throws Error(usage) naming the layer, its place and the shapes where it does not
/// fit: a window larger than the image, branches that leave different shapes, an end that is not one number a pair
/// (pixels left over: end with flatten or global_avgpool), parameters out of range (an even conv size, keep outside (0, 1], ...).
std::vector<LayerReport> check_shapes(const Network& network, SampleShape input);

}  // namespace widegram::kernels
