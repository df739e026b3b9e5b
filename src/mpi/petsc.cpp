#include "src/mpi/petsc.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <filesystem>
#include <stdexcept>

namespace widegram::petsc {

void check(int code, SourceLocation where) {
  if (code == 0) return;
  throw std::runtime_error(fmt::format("PETSc error {}: {} (line {} of {})", code, message(code), where.line,
                                       std::filesystem::path(where.file).filename().string()));
}

std::string message(int code) {
  const char* general = nullptr;
  char* specific = nullptr;
  PetscErrorMessage(code, &general, &specific);
  const std::string text = general ? general : "unknown error";
  return specific && *specific ? text + ": " + specific : text;
}

}  // namespace widegram::petsc
