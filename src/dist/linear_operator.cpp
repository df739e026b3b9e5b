#include "src/dist/linear_operator.hpp"

#include <algorithm>
#include <numeric>

#include "src/mpi/exchange.hpp"

namespace widegram::dist {

double mean_diagonal(const LinearOperator& a) {
  const std::vector<double> part = a.diagonal();
  return a.comm().sum(std::accumulate(part.begin(), part.end(), 0.0)) / static_cast<double>(a.size());
}

Matrix<double> gather_parts(const mpi::Communicator& comm, const Partition& layout,
                            MatrixView<const double> part) {
  const mpi::Counts parts(comm.size(), [&](int rank) { return layout.range(rank).size(); });
  Matrix<double> whole(layout.extent, part.cols);
  for (Index k = 0; k < part.cols; ++k)
    mpi::check(MPI_Allgatherv(part.column(k), static_cast<int>(part.rows), MPI_DOUBLE, whole.column(k),
                              parts.counts(), parts.starts(), MPI_DOUBLE, comm.handle()));
  return whole;
}

Matrix<double> part_of_whole(const Matrix<double>& whole, Range part) {
  Matrix<double> rows(part.size(), whole.cols());
  for (Index k = 0; k < rows.cols(); ++k)
    std::copy_n(whole.column(k) + part.begin, rows.rows(), rows.column(k));
  return rows;
}

}  // namespace widegram::dist
