#pragma once

#include <string>
#include <vector>

#include "jobs/layer_operation.hpp"
#include "src/dkm/network.hpp"

namespace widegram::jobs {

/// A kernel map with the TOML that it came from.
struct ParsedMap {
  dkm::MapSpec map{};
  std::string toml = "\"arccos\"";
};

/// "arccos", or an activation as parse_activation() takes it. Throws Error(usage) with file, line and key.
ParsedMap parse_map(const Value& value);

using ParsedDkmNetwork = ParsedLayers<dkm::Layer>;

/// A convolutional deep kernel machine's list of layers: [{ op = "input" }, { op = "relu" }, ...]. Throws
/// Error(usage) as parse_layers(). Whether the layers fit each other is dkm::check_spec()'s to say.
ParsedDkmNetwork parse_dkm_network(const Value& layers, const std::string& separator = ", ");

/// Norm and scale of a preset, as the operation norm takes them: { inducing = "local", ... }.
struct ParsedNorm {
  dkm::NormLayer norm{};
  std::string toml;
};
ParsedNorm parse_norm(const Value& value);

/// All but the maps by an activation's name.
std::vector<OperationInfo> dkm_operations();

}  // namespace widegram::jobs
