#pragma once

#include <string>
#include <vector>

#include "src/dkm/kernel_map.hpp"

namespace widegram::jobs {

/// Deep kernel machines that a job can name; what of them there is: jobs/commands/dkm.cpp.
enum class DkmKind { full, sparse, convolutional };

std::string to_string(DkmKind kind);

struct DkmSection {
  bool given = false;  ///< the job has a [dkm] table
  DkmKind kind = DkmKind::full;
  dkm::MapSpec map{};
  std::string kernel_toml = "\"arccos\"";  ///< the map as TOML, its defaults written out
  Index depth = 2;
  std::vector<double> nu{1.0};  ///< one for all layers, or one a layer
  double noise = 0.1;
  bool learn_noise = false;
  bool learn_nu = false;
  double jitter = 1e-8;
  double tolerance = 1e-8;
  Index max_iterations = 500;

  /// One a layer.
  std::vector<double> layer_nu() const {
    return nu.size() == 1 ? std::vector<double>(static_cast<std::size_t>(depth), nu.front()) : nu;
  }
};

}  // namespace widegram::jobs
