#include "solvers/columns.hpp"

#include <numeric>

#include "src/dist/stored_operator.hpp"

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

std::vector<double> column_products(const mpi::Communicator& comm, MatrixView<const double> a,
                                    MatrixView<const double> b) {
  std::vector<double> sums(static_cast<std::size_t>(a.cols));
  for (Index k = 0; k < a.cols; ++k)
    sums[static_cast<std::size_t>(k)] =
        std::inner_product(a.column(k), a.column(k) + a.rows, b.column(k), 0.0);
  comm.all_reduce(std::span<double>(sums), MPI_SUM);
  comm.broadcast(std::span<double>(sums));
  return sums;
}

Matrix<double> part_of(const dist::DistributedMatrix<double>& a, const dist::Partition& layout,
                       Range columns) {
  std::vector<GlobalIndex> chosen(static_cast<std::size_t>(columns.size()));
  std::iota(chosen.begin(), chosen.end(), columns.begin);
  return dist::columns_in_parts(a, layout, chosen);
}

}  // namespace widegram::solvers
