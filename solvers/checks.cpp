#include "solvers/checks.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

[[noreturn]] void refuse(const char* what, Index row, Index col) {
  throw mpi::CollectiveError(ExitCode::numerical,
                             fmt::format("{}: entry ({}, {}) is not a finite number; look at what it is made "
                                         "from, and at the precision (float32 "
                                         "overflows at 3.4e38)",
                                         what, row, col));
}

}  // namespace

void check_finite(MatrixView<const double> whole, const char* what) {
  for (Index j = 0; j < whole.cols; ++j)
    for (Index i = 0; i < whole.rows; ++i)
      if (!std::isfinite(whole(i, j))) refuse(what, i, j);
}

void check_finite(const dist::DistributedMatrix<double>& a, const char* what) {
  constexpr Index none = std::numeric_limits<Index>::max();
  const MatrixView<const double> local = a.local();
  Index first = none;
  for (LocalIndex j = 0; j < local.cols && first == none; ++j)
    for (LocalIndex i = 0; i < local.rows && first == none; ++i)
      if (!std::isfinite(local(i, j))) first = a.global_row(i) + a.global_col(j) * a.rows();
  first = a.grid().comm().min(first);
  if (first != none) refuse(what, first % a.rows(), first / a.rows());
}

void check_ridge(double ridge) {
  if (ridge >= 0 && std::isfinite(ridge)) return;
  throw mpi::CollectiveError(ExitCode::usage,
                             fmt::format("ridge = {}: give a finite number, zero or above", ridge));
}

}  // namespace widegram::solvers
