#pragma once

#include <source_location>

namespace widegram::mpi {

/// Every MPI call's return code goes through here; throws std::runtime_error with the place of the call.
void check(int code, std::source_location where = std::source_location::current());

}  // namespace widegram::mpi
