#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels::test {

/// A network as a job file's `layers` writes it.
Network network_from_json(const nlohmann::json& layers);

/// A network with values that its kernel has on some samples. See tests/golden/README.md.
struct GoldenCase {
  using Rows = std::vector<std::vector<double>>;

  std::string name;
  SampleShape shape;
  Network network;
  double tolerance = 0;
  Rows inputs;
  Rows test_inputs;  ///< may be empty, and the next but one with it
  Rows nngp, ntk;
  Rows nngp_test, ntk_test;
};

/// Throws std::runtime_error where the file is not there.
std::vector<GoldenCase> read_golden_cases(const std::string& path);

}  // namespace widegram::kernels::test
