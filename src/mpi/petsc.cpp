#include "src/mpi/petsc.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <stdexcept>

namespace widegram::petsc {

void check(int code, std::source_location where) {
  if (code == 0) return;
  const char* text = nullptr;
  PetscErrorMessage(code, &text, nullptr);
  throw std::runtime_error(fmt::format("{}:{}: PETSc error {}: {}", where.file_name(), where.line(), code,
                                       text ? text : "unknown"));
}

}  // namespace widegram::petsc
