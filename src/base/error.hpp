#pragma once

#include <stdexcept>
#include <string>

namespace widegram {

/// Exit codes of the program; every error knows its own.
enum class ExitCode : int {
  done = 0,
  usage = 2,      ///< command line or job file
  data = 3,       ///< input data
  numerical = 4,  ///< not positive definite, no convergence
  files = 5,      ///< unwritable, full, corrupt
  stopped = 75    ///< stopped early with its work saved
};

/// An error that a user can mend. The message names the file, key, line or sample at fault and what to do.
/// Thrown on one rank it is local: bring it to all ranks with mpi::collectively() or mpi::agree().
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace widegram
