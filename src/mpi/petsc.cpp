#include "src/mpi/petsc.hpp"

#include <fmt/format.h>
#include <petscsys.h>

#include <algorithm>
#include <array>
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
  constexpr std::array known_to_all{PETSC_ERR_SUP,
                                    PETSC_ERR_ARG_UNKNOWN_TYPE,
                                    PETSC_ERR_MISSING_FACTOR,
                                    PETSC_ERR_ARG_WRONG,
                                    PETSC_ERR_ARG_OUTOFRANGE,
                                    PETSC_ERR_ARG_INCOMP,
                                    PETSC_ERR_ARG_WRONGSTATE,
                                    PETSC_ERR_USER_INPUT};
  if (std::find(known_to_all.begin(), known_to_all.end(), code) == known_to_all.end()) check(code, where);
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
