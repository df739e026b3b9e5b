#pragma once

#include <string>

#include "src/base/source_location.hpp"

namespace widegram::petsc {

/// Every PETSc call's error code goes through here; throws std::runtime_error with PETSc's text and the
/// place.
void check(int code, SourceLocation where = SourceLocation::current());

/// What PETSc says of an error code that it has just returned.
std::string message(int code);

}  // namespace widegram::petsc
