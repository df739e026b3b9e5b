#pragma once

#include <source_location>

namespace widegram::petsc {

/// Every PETSc call's error code goes through here; throws std::runtime_error with PETSc's text and the
/// place.
void check(int code, std::source_location where = std::source_location::current());

}  // namespace widegram::petsc
