#pragma once

#include "src/base/source_location.hpp"

namespace widegram::mpi {

/// Every MPI call's return code goes through here; throws std::runtime_error with the place of the call.
void check(int code, SourceLocation where = SourceLocation::current());

}  // namespace widegram::mpi
