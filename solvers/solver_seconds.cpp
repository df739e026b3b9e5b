#include "solvers/solver_seconds.hpp"

#include <algorithm>
#include <cmath>

#include "solvers/cholesky.hpp"
#include "src/base/timer.hpp"
#include "src/dist/matrix.hpp"
#include "src/dist/stored_operator.hpp"

namespace widegram::solvers {
namespace {

constexpr GlobalIndex most_rows = 3072;

/// Symmetric and positive definite.
dist::DistributedMatrix<double> made_up(const dist::ProcessGrid& grid, GlobalIndex n, Index block) {
  dist::DistributedMatrix<double> a(grid, n, n, block);
  for (LocalIndex j = 0; j < a.local_cols(); ++j)
    for (LocalIndex i = 0; i < a.local_rows(); ++i)
      a.local()(i, j) = 1.0 / (1.0 + static_cast<double>(std::abs(a.global_row(i) - a.global_col(j)))) +
                        (a.global_row(i) == a.global_col(j) ? 20.0 : 0.0);
  return a;
}

/// Of the slowest rank. Collective.
template <class Work>
double seconds_of(const mpi::Communicator& comm, Work&& work) {
  comm.barrier();
  const Timer timer;
  work();
  return comm.max(timer.seconds());
}

}  // namespace

SolverSeconds measure_solver_seconds(const dist::ProcessGrid& grid, GlobalIndex n, Index block, Index k) {
  const GlobalIndex rows = std::min(n, most_rows);
  dist::DistributedMatrix<double> a = made_up(grid, rows, block);
  const double scale = static_cast<double>(n) / static_cast<double>(rows);
  SolverSeconds seconds;
  {
    const dist::StoredOperator op(a);
    Matrix<double> x(op.part().size(), k);
    Matrix<double> y(op.part().size(), k);
    std::fill_n(x.data(), x.rows() * x.cols(), 1.0);
    op.apply(x.view(), y.view());  // pages and messages that are the first of their kind
    seconds.product = scale * scale * seconds_of(grid.comm(), [&] { op.apply(x.view(), y.view()); });
  }
  seconds.factor =
      scale * scale * scale * seconds_of(grid.comm(), [&] { const Cholesky factor(std::move(a), 0.0); });
  return seconds;
}

}  // namespace widegram::solvers
