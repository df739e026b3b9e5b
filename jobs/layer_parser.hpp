#pragma once

#include <string>
#include <vector>

#include "jobs/layer_operation.hpp"
#include "src/kernels/network.hpp"

namespace widegram::jobs {

using ParsedNetwork = ParsedLayers<kernels::Layer>;

/// A list of layers as a job file writes it: [{ op = "dense", weight_variance = 2.0 }, { op = "relu" }, ...].
/// Throws Error(usage) with file, line and the layer's place for an unknown operation or key, and for values
/// out of range. Whether the layers fit each other and the input is kernels::check_shapes()'s to say.
/// `separator`: what stands between layers in the TOML.
ParsedNetwork parse_network(const Value& layers, const std::string& separator = ", ");

/// All operations that are not activations, then all activations.
std::vector<OperationInfo> operations();

}  // namespace widegram::jobs
