#include "solvers/columns.hpp"

namespace widegram::solvers {
namespace {

/// Sums f(local row, local column) over each column.
template <class F>
std::vector<double> sum_columns(const dist::DistributedMatrix<double>& a, F&& f) {
  std::vector<double> sums(static_cast<std::size_t>(a.cols()));
  for (LocalIndex j = 0; j < a.local_cols(); ++j) {
    double sum = 0;
    for (LocalIndex i = 0; i < a.local_rows(); ++i) sum += f(i, j);
    sums[static_cast<std::size_t>(a.global_col(j))] = sum;
  }
  a.grid().comm().all_reduce(std::span<double>(sums), MPI_SUM);
  a.grid().comm().broadcast(std::span<double>(sums));
  return sums;
}

}  // namespace

std::vector<double> column_products(const dist::DistributedMatrix<double>& a,
                                    const dist::DistributedMatrix<double>& b) {
  return sum_columns(a, [&](LocalIndex i, LocalIndex j) { return a.local()(i, j) * b.local()(i, j); });
}

std::vector<double> column_squares(const dist::DistributedMatrix<double>& a,
                                   std::span<const double> weights) {
  if (weights.empty()) return column_products(a, a);
  return sum_columns(a, [&](LocalIndex i, LocalIndex j) {
    return weights[static_cast<std::size_t>(a.global_row(i))] * a.local()(i, j) * a.local()(i, j);
  });
}

}  // namespace widegram::solvers
