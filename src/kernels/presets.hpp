#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// What a preset takes beside its name; what is not given has the preset's own default.
struct PresetOptions {
  std::optional<Index> depth{};             ///< dense, cntk-*: hidden weight layers
  std::optional<double> weight_variance{};  ///< of the hidden layers
  std::optional<double> bias_variance{};
  std::optional<Activation> activation{};
};

std::vector<std::string> preset_names();

/// The network that a name stands for. Throws Error(usage) for an unknown name (with the nearest one) and for
/// an option that this preset does not take. Hidden layers have w 2, b 0 and relu unless told.
/// - dense: flatten, depth (3) x [dense, activation], dense(1, 0).
/// - cntk-gap: depth (5) x [conv 3x3 same, activation], global_avgpool, dense(1, 0).
/// - cntk-flatten: the same with flatten.
/// - myrtle5, myrtle7, myrtle10 (Shankar et al. 2020; from 4 x 4 pixels on): groups of [2, 1, 1], [2, 2, 2]
///   or [3, 3, 3] conv and activation, a 2x2 average pool after the first and the second group,
///   global_avgpool, dense(1, 0). Of the paper's 32 x 32 pixels 8 x 8 are left for the average, which it
///   takes by three 2x2 pools.
Network preset(const std::string& name, const PresetOptions& options);

}  // namespace widegram::kernels
