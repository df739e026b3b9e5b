#pragma once

#include "src/dkm/network.hpp"
#include "src/dkm/op.hpp"

namespace widegram::dkm {

/// The first layer: it reads samples in place of a value. patches: features of a patch (channel, row, column)
/// x points.
template <class Real>
OpPointer<Real> make_input_op(const InputLayer& layer, const SampleShape& shape, const Slice& patches);

/// Sets the samples that the input op's next forward() and adjoint() are about: a column each.
template <class Real>
void set_samples(Op<Real>& input, MatrixView<const double> samples);

/// weights: standard normal ones, [P_out, P_in, size, size] in C order as one column.
template <class Real>
OpPointer<Real> make_conv_op(const ConvLayer& layer, const ValueShape& in, const Slice& weights);

}  // namespace widegram::dkm
