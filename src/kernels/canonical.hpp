#pragma once

#include <string>

#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// One line of text that is equal exactly where two networks are the same description: every parameter
/// written out in shortest round-trip decimal, presets and defaults resolved, e.g. "conv(3,1,same,2,0) relu
/// ... global_avgpool dense(1,0)".
std::string canonical(const Network& network);

/// "relu", "leaky_relu(0.01)", "tanh", ...: the job file's name of an activation with its parameters.
std::string canonical(const Activation& activation);

}  // namespace widegram::kernels
