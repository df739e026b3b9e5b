#include "solvers/ensemble_variance.hpp"

#include <algorithm>

#include "solvers/columns.hpp"
#include "solvers/stretches.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

/// `solve` gives W T for a range of T's columns, this rank's rows by nngp's layout.
template <class Solve>
std::vector<double> in_stretches(const dist::ProcessGrid& grid, Index block, const dist::LinearOperator& nngp,
                                 std::span<const double> prior, const CrossBlocks& cross, Index stretch,
                                 Solve&& solve) {
  std::vector<double> variance(prior.begin(), prior.end());
  for_each_range(static_cast<Index>(prior.size()), stretch, [&](Range tests) {
    DistributedMatrix<double> t(grid, nngp.size(), tests.size(), block);
    DistributedMatrix<double> n(grid, nngp.size(), tests.size(), block);
    cross(tests, t, n);
    for_each_range(tests.size(), most_columns_at_once, [&](Range columns) {
      const Matrix<double> weighted = solve(t, columns, tests.begin + columns.begin);
      Matrix<double> added(weighted.rows(), weighted.cols());
      nngp.apply(weighted.view(), added.view());
      const Matrix<double> n_part = part_of(n, nngp.layout(), columns);
      for (Index k = 0; k < added.cols(); ++k)
        for (Index i = 0; i < added.rows(); ++i) added(i, k) -= 2.0 * n_part(i, k);
      const std::vector<double> sums = column_products(nngp.comm(), weighted.view(), added.view());
      for (std::size_t k = 0; k < sums.size(); ++k) {
        double& value = variance[static_cast<std::size_t>(tests.begin + columns.begin) + k];
        value = std::max(0.0, value + sums[k]);
      }
    });
  });
  return variance;
}

/// Rows that lie by `from` as they lie by `to`; whole blocks pass by, as in a product with a Gram that is not
/// stored.
Matrix<double> moved(const mpi::Communicator& comm, const dist::Partition& from, const Matrix<double>& part,
                     const dist::Partition& to) {
  return dist::part_of_whole(dist::gather_parts(comm, from, part.view()), to.range(comm.rank()));
}

}  // namespace

std::vector<double> ensemble_variance(const Cholesky& ntk, const dist::LinearOperator& nngp,
                                      std::span<const double> prior, const CrossBlocks& cross,
                                      Index stretch) {
  const CrossBlocks weighted = [&](Range tests, DistributedMatrix<double>& t, DistributedMatrix<double>& n) {
    cross(tests, t, n);
    ntk.solve_in_place(t);
  };
  return in_stretches(ntk.grid(), ntk.block(), nngp, prior, weighted, stretch,
                      [&](const DistributedMatrix<double>& solved, Range columns, Index) {
                        return part_of(solved, nngp.layout(), columns);
                      });
}

CgVariance ensemble_variance(CgSolver& ntk, const dist::ProcessGrid& grid, Index block,
                             const dist::LinearOperator& nngp, std::span<const double> prior,
                             const CrossBlocks& cross, Index stretch, const CgHooks& hooks) {
  const dist::Partition& layout = ntk.gram().layout();
  CgVariance result;
  CgHooks here = hooks;
  here.column_name = "test sample";
  result.variance = in_stretches(grid, block, nngp, prior, cross, stretch,
                                 [&](const DistributedMatrix<double>& t, Range columns, Index first_test) {
                                   here.first_column = first_test;
                                   const Matrix<double> part = part_of(t, layout, columns);
                                   Matrix<double> x(part.rows(), part.cols());
                                   const CgSolver::Solved solved = ntk.solve(part.view(), x.view(), here);
                                   result.iterations += solved.iterations;
                                   result.relative_residual =
                                       std::max(result.relative_residual, solved.relative_residual);
                                   return moved(nngp.comm(), layout, x, nngp.layout());
                                 });
  return result;
}

}  // namespace widegram::solvers
