#pragma once

#include <string>
#include <vector>

#include "src/base/error.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::jobs {

enum class Health { ok, warn, fail };

/// One thing looked at: what was found and, where it is not well, what to do.
struct Finding {
  Health health = Health::ok;
  std::string topic;
  std::string text;
  std::string mend;
  ExitCode code = ExitCode::usage;  ///< of the program, should this fail
};

/// Collective. Looks at the launch, the BLAS, HDF5, the file system of `folder` (made where it is missing),
/// memory and data of this machine. Takes about a second. The same findings on every rank; throws nothing a
/// user could mend.
std::vector<Finding> examine(const mpi::Communicator& comm, const std::string& folder);

/// A line a finding, its mend below it.
std::string to_text(const std::vector<Finding>& findings);

/// done, or the code of the first finding that fails.
ExitCode verdict(const std::vector<Finding>& findings);

}  // namespace widegram::jobs
