#include "src/dist/stored_operator.hpp"

#include <cblas.h>

#include "src/base/matrix.hpp"
#include "src/dist/diagonal.hpp"

namespace widegram::dist {
namespace {

/// Lengths of the parts and where they start, as MPI wants them.
struct Parts {
  Parts(const Partition& layout) {
    for (int rank = 0; rank < layout.ranks; ++rank) {
      counts.push_back(to_int(layout.range(rank).size(), "part of a vector"));
      starts.push_back(to_int(layout.range(rank).begin, "length of a vector"));
    }
  }
  std::vector<int> counts;
  std::vector<int> starts;
};

/// Sums what the ranks have of a vector and leaves each its part.
void sum_to_parts(const mpi::Communicator& comm, const Partition& layout, const double* whole, double* part) {
  mpi::check(
      MPI_Reduce_scatter(whole, part, Parts(layout).counts.data(), MPI_DOUBLE, MPI_SUM, comm.handle()));
}

}  // namespace

std::vector<double> gather_parts(const mpi::Communicator& comm, const Partition& layout,
                                 std::span<const double> part) {
  std::vector<double> whole(static_cast<std::size_t>(layout.extent));
  const Parts parts(layout);
  mpi::check(MPI_Allgatherv(part.data(), static_cast<int>(part.size()), MPI_DOUBLE, whole.data(),
                            parts.counts.data(), parts.starts.data(), MPI_DOUBLE, comm.handle()));
  return whole;
}

void StoredOperator::apply(MatrixView<const double> x, MatrixView<double> y) const {
  const MatrixView<const double> a = a_.local();
  Matrix<double> x_here(a.cols, x.cols);
  for (Index k = 0; k < x.cols; ++k) {
    const std::vector<double> whole =
        gather_parts(comm(), layout_, {x.column(k), static_cast<std::size_t>(x.rows)});
    for (LocalIndex j = 0; j < a.cols; ++j) x_here(j, k) = whole[static_cast<std::size_t>(a_.global_col(j))];
  }
  Matrix<double> y_here(a.rows, x.cols);
  if (!a.empty())
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(a.rows), static_cast<int>(x.cols),
                static_cast<int>(a.cols), 1.0, a.data, static_cast<int>(a.stride), x_here.data(),
                static_cast<int>(a.cols), 0.0, y_here.data(), static_cast<int>(a.rows));
  std::vector<double> whole(static_cast<std::size_t>(size()));
  for (Index k = 0; k < x.cols; ++k) {
    for (LocalIndex i = 0; i < a.rows; ++i) whole[static_cast<std::size_t>(a_.global_row(i))] = y_here(i, k);
    sum_to_parts(comm(), layout_, whole.data(), y.column(k));
  }
}

std::vector<double> StoredOperator::diagonal() const {
  std::vector<double> whole(static_cast<std::size_t>(size()));
  for_each_diagonal(a_, [&](GlobalIndex i, double entry) { whole[static_cast<std::size_t>(i)] = entry; });
  std::vector<double> part(static_cast<std::size_t>(this->part().size()));
  sum_to_parts(comm(), layout_, whole.data(), part.data());
  return part;
}

}  // namespace widegram::dist
