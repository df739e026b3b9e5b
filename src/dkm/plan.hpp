#pragma once

#include <optional>
#include <vector>

#include "src/dkm/head.hpp"
#include "src/dkm/network.hpp"
#include "src/dkm/op.hpp"

namespace widegram::dkm {

/// A network as a list of steps over numbered values.
template <class Real>
struct Step {
  OpPointer<Real> op;
  std::optional<Index> input, second;  ///< values; none for the input op
  Index output = 0;
};

template <class Real>
struct Plan {
  std::vector<Step<Real>> steps;
  std::vector<ValueShape> values;
  std::vector<Slice> parameters;
  Index parameter_count = 0;
  Slice patches, mean, factor, noise;
};

/// Parameters are named by layer and number, e.g. "conv 3: W". Throws as check_spec().
template <class Real>
Plan<Real> make_plan(const ModelSpec& spec);

}  // namespace widegram::dkm
