#include "solvers/ensemble_variance.hpp"

#include <algorithm>

#include "solvers/columns.hpp"
#include "solvers/stretches.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

/// A stretch of test samples at a time: `work(tests, t, take)` calls take(answer, columns, W T) for each
/// answer and range of T's columns, with this rank's rows of W T by nngp's layout.
template <class Work>
std::vector<std::vector<double>> in_stretches(const dist::ProcessGrid& grid, Index block,
                                              const dist::LinearOperator& nngp, std::span<const double> prior,
                                              const CrossBlocks& cross, Index stretch, std::size_t answers,
                                              Work&& work) {
  std::vector<std::vector<double>> variances(answers, {prior.begin(), prior.end()});
  for_each_range(static_cast<Index>(prior.size()), stretch, [&](Range tests) {
    DistributedMatrix<double> t(grid, nngp.size(), tests.size(), block);
    DistributedMatrix<double> n(grid, nngp.size(), tests.size(), block);
    cross(tests, t, n);
    work(tests, t, [&](std::size_t answer, Range columns, const Matrix<double>& weighted) {
      Matrix<double> added(weighted.rows(), weighted.cols());
      nngp.apply(weighted.view(), added.view());
      const Matrix<double> n_part = part_of(n, nngp.layout(), columns);
      for (Index k = 0; k < added.cols(); ++k)
        for (Index i = 0; i < added.rows(); ++i) added(i, k) -= 2.0 * n_part(i, k);
      const std::vector<double> sums = column_products(nngp.comm(), weighted.view(), added.view());
      for (std::size_t k = 0; k < sums.size(); ++k) {
        double& value = variances[answer][static_cast<std::size_t>(tests.begin + columns.begin) + k];
        value = std::max(0.0, value + sums[k]);
      }
    });
  });
  return variances;
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
  return in_stretches(ntk.grid(), ntk.block(), nngp, prior, cross, stretch, 1,
                      [&](Range, DistributedMatrix<double>& t, auto&& take) {
                        ntk.solve_in_place(t);
                        for_each_range(t.cols(), most_columns_at_once, [&](Range columns) {
                          take(0, columns, part_of(t, nngp.layout(), columns));
                        });
                      })
      .front();
}

CgVariance ensemble_variance(CgSolver& ntk, const dist::ProcessGrid& grid, Index block,
                             const dist::LinearOperator& nngp, std::span<const double> prior,
                             const CrossBlocks& cross, Index stretch, const CgHooks& hooks) {
  const dist::Partition& layout = ntk.gram().layout();
  CgVariance result;
  CgHooks here = hooks;
  here.column_name = "test sample";
  const auto work = [&](Range tests, const DistributedMatrix<double>& t, auto&& take) {
    for_each_range(t.cols(), most_columns_at_once, [&](Range columns) {
      here.first_column = tests.begin + columns.begin;
      const Matrix<double> part = part_of(t, layout, columns);
      Matrix<double> x(part.rows(), part.cols());
      const CgSolver::Solved solved = ntk.solve(part.view(), x.view(), here);
      result.iterations += solved.iterations;
      result.relative_residual = std::max(result.relative_residual, solved.relative_residual);
      take(0, columns, moved(nngp.comm(), layout, x, nngp.layout()));
    });
  };
  result.variance = in_stretches(grid, block, nngp, prior, cross, stretch, 1, work).front();
  return result;
}

std::vector<std::vector<double>> ensemble_variance(const EigenTraining& ntk, std::span<const double> times,
                                                   const dist::LinearOperator& nngp,
                                                   std::span<const double> prior, const CrossBlocks& cross,
                                                   Index stretch) {
  const auto work = [&](Range, const DistributedMatrix<double>& t, auto&& take) {
    for (std::size_t i = 0; i < times.size(); ++i) {
      const Matrix<double> weighted = ntk.weighted(times[i], t);
      for_each_range(t.cols(), most_columns_at_once, [&](Range columns) {
        Matrix<double> part(nngp.part().size(), columns.size());
        for (Index k = 0; k < part.cols(); ++k)
          std::copy_n(weighted.column(columns.begin + k) + nngp.part().begin, part.rows(), part.column(k));
        take(i, columns, part);
      });
    }
  };
  return in_stretches(ntk.grid(), ntk.block(), nngp, prior, cross, stretch, times.size(), work);
}

}  // namespace widegram::solvers
