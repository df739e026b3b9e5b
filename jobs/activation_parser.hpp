#pragma once

#include <string>
#include <vector>

#include "jobs/operation_info.hpp"
#include "jobs/value.hpp"
#include "src/kernels/activation.hpp"

namespace widegram::jobs {

/// An activation with the TOML that it came from, its defaults filled in.
struct ParsedActivation {
  kernels::Activation activation;
  std::string toml;
};

/// "relu" or { op = "leaky_relu", slope = 0.1 }. Throws Error(usage) with file, line and key.
ParsedActivation parse_activation(const Value& value);

/// All activations that the kernels know, with their parameters.
std::vector<OperationInfo> activation_operations();

}  // namespace widegram::jobs
