#pragma once

#include <string>
#include <vector>

namespace widegram::mpi {

/// MPI and PETSc from construction to destruction. One a process. Collective over the world.
/// MPI errors are returned (and checked), not fatal.
class Session {
 public:
  /// `petsc_options`: as on a command line, e.g. {"-log_view", ":petsc.log"}.
  explicit Session(const std::vector<std::string>& petsc_options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

/// Stops every rank at once: for an error that one rank alone has met and cannot share.
[[noreturn]] void abort_all(int exit_code);

}  // namespace widegram::mpi
