#pragma once

#include <string>
#include <vector>

#include "jobs/key_table.hpp"

namespace widegram::jobs {

/// What the reference says of one operation of a network.
struct OperationInfo {
  std::string name;
  std::string help;
  std::vector<KeyInfo> keys;
};

}  // namespace widegram::jobs
