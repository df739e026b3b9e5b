#pragma once

#include <source_location>
#include <string>

namespace widegram::petsc {

/// Every PETSc call's error code goes through here; throws std::runtime_error with PETSc's text and the
/// place.
void check(int code, std::source_location where = std::source_location::current());

/// What PETSc says of an error code that it has just returned.
std::string message(int code);

}  // namespace widegram::petsc
