#pragma once

#include <string>

#include "src/base/source_location.hpp"

namespace widegram::petsc {

/// Every PETSc call's error code goes through here; throws std::runtime_error with PETSc's text and the
/// place.
void check(int code, SourceLocation where = SourceLocation::current());

/// The same for what the user's PETSc options decide, of which all ranks hold the same ones: what PETSc does
/// not know or support is refused with mpi::CollectiveError(usage). Anything else, as a file that rank 0
/// alone cannot open, may have met this rank alone: as check(), with which the program ends all ranks.
void accept(int code, SourceLocation where = SourceLocation::current());

/// What PETSc says of an error code that it has just returned.
std::string message(int code);

}  // namespace widegram::petsc
