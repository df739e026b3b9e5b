#pragma once

#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// Whether the network treats left and right of its images alike: flipping an image from left to right flips
/// all that its layers make of it, so that K(fx, fz) = K(x, z) and K(fx, z) = K(x, fz) for mirror images fx,
/// fz. So it is where the windows of every convolution and average pool lie symmetrically along the width:
/// always at stride 1, at larger strides where no column is left over on one side alone. The network must fit
/// the input.
bool flip_equivariant(const Network& network, const SampleShape& input);

}  // namespace widegram::kernels
