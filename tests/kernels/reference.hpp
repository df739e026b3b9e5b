#pragma once

#include <vector>

#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels::test {

struct Entry {
  double nngp = 0;
  double ntk = 0;
};

/// The plain twin of the engines, sharing nothing with them but the network's description and
/// dual_reference(): all pairs of pixels of (x, x), (x, z) and (z, z), loops over loops, in double. `same`: x
/// and z are one sample.
Entry reference_entry(const Network& network, const SampleShape& shape, const std::vector<double>& x,
                      const std::vector<double>& z, bool same);

}  // namespace widegram::kernels::test
