#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// What a preset takes beside its name; what is not given has the preset's own default.
struct PresetOptions {
  std::optional<Index> depth;              ///< dense, cntk-*: hidden weight layers
  std::optional<double> weight_variance;   ///< of the hidden layers
  std::optional<double> bias_variance;
  std::optional<Activation> activation;
};

std::vector<std::string> preset_names();

/// The network that a name stands for. Throws Error(usage) for an unknown name (with the nearest one) and for an option
/// that this preset does not take.
///   dense:        depth x [dense, activation], dense(1, 0)             depth 3, w 2, b 0, relu
///   cntk-gap:     depth x [conv 3x3 same, activation], global_avgpool, dense(1, 0)      depth 5, w 2, b 0, relu
///   cntk-flatten: the same with flatten
///   myrtle5/7/10: groups of [2,1,1] / [2,2,2] / [3,3,3] conv3-relu pairs (w 2), a 2x2 average pool after the first and the
///                 second group, three after the last, flatten, dense (Shankar et al. 2020). Input 32 x 32.
Network preset(const std::string& name, const PresetOptions& options);

}  // namespace widegram::kernels
