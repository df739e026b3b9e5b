#include "jobs/test_outputs.hpp"

#include <span>

namespace widegram::jobs {
namespace {

/// outputs(:, i) += sum_j tile(i, j) alpha(j, :)
template <class Real>
void add_products(MatrixView<const Real> tile, MatrixView<const double> alpha, MatrixView<double> outputs) {
  for (Index k = 0; k < alpha.cols; ++k)
    for (Index j = 0; j < tile.cols; ++j)
      for (Index i = 0; i < tile.rows; ++i) outputs(i, k) += static_cast<double>(tile(i, j)) * alpha(j, k);
}

}  // namespace

template <class Real>
Matrix<double> test_outputs(const CommandContext& context, const Problem& problem,
                            MatrixView<const double> alpha, GramStage<Real>& gram,
                            const TestPass<Real>& pass) {
  Matrix<double> mean(problem.m(), alpha.cols);
  const dist::Tiling rows{problem.m(), gram.layout().tile};
  const dist::Tiling cols = gram.layout().tiles();
  const Range outputs{0, mean.cols()};
  const auto consume = [&](std::size_t member, TileIndex row, TileIndex col, MatrixView<const Real> tile) {
    if (member == 0)
      add_products<Real>(tile, alpha.block(cols.range(col), outputs),
                         mean.view().block(rows.range(row), outputs));
  };
  if (pass)
    pass(consume);
  else
    gram.test(consume);
  context.comm.all_reduce(std::span(mean.data(), static_cast<std::size_t>(mean.rows() * mean.cols())),
                          MPI_SUM);
  return mean;
}

template Matrix<double> test_outputs(const CommandContext&, const Problem&, MatrixView<const double>,
                                     GramStage<float>&, const TestPass<float>&);
template Matrix<double> test_outputs(const CommandContext&, const Problem&, MatrixView<const double>,
                                     GramStage<double>&, const TestPass<double>&);

}  // namespace widegram::jobs
