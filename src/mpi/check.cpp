#include "src/mpi/check.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <filesystem>
#include <stdexcept>

namespace widegram::mpi {

void check(int code, SourceLocation where) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw std::runtime_error(fmt::format("MPI: {} (line {} of {})", text.data(), where.line,
                                       std::filesystem::path(where.file).filename().string()));
}

}  // namespace widegram::mpi
