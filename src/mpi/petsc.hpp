#pragma once

#include <string>

#include "src/base/source_location.hpp"

namespace widegram::petsc {

/// Every PETSc call's error code goes through here; throws std::runtime_error with PETSc's text and the
/// place.
void check(int code, SourceLocation where = SourceLocation::current());

/// The same for what the user's PETSc options decide, of which all ranks hold the same ones: they may ask for
/// what there is not. Throws mpi::CollectiveError(usage); as check() where memory is what lacks.
void accept(int code, SourceLocation where = SourceLocation::current());

/// What PETSc says of an error code that it has just returned.
std::string message(int code);

}  // namespace widegram::petsc
