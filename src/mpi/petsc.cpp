#include "src/mpi/petsc.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <filesystem>
#include <stdexcept>

#include "src/mpi/agree.hpp"

namespace widegram::petsc {

void check(int code, SourceLocation where) {
  if (code == 0) return;
  throw std::runtime_error(fmt::format("PETSc error {}: {} (line {} of {})", code, message(code), where.line,
                                       std::filesystem::path(where.file).filename().string()));
}

void accept(int code, SourceLocation where) {
  if (code == 0) return;
  if (code == PETSC_ERR_MEM) check(code, where);
  throw mpi::CollectiveError(ExitCode::usage,
                             "PETSc refuses an option of [petsc] or behind --: " + message(code));
}

std::string message(int code) {
  const char* general = nullptr;
  char* specific = nullptr;
  PetscErrorMessage(code, &general, &specific);
  const std::string text = general ? general : "unknown error";
  return specific && *specific ? text + ": " + specific : text;
}

}  // namespace widegram::petsc
