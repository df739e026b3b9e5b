#include "solvers/dkm/gram_map.hpp"

#include <algorithm>
#include <utility>

#include "src/base/matrix.hpp"
#include "src/dist/diagonal.hpp"

namespace widegram::dkm {
namespace {

using dist::DistributedMatrix;

/// The entries of a list of n that face this rank's rows (or columns).
std::vector<double> facing(const dist::BlockCyclic& map, int process, std::span<const double> all) {
  std::vector<double> part(static_cast<std::size_t>(map.local_extent(process)));
  for (std::size_t i = 0; i < part.size(); ++i)
    part[i] = all[static_cast<std::size_t>(map.to_global(static_cast<LocalIndex>(i), process))];
  return part;
}

/// What this rank holds of one block column of the lower triangle.
struct Strip {
  Range cols;         ///< local
  Range below;        ///< local rows of the blocks below the diagonal one
  Range on;           ///< local rows of the diagonal block; empty where another rank has it
  GlobalIndex first;  ///< its first row and column
};

template <class F>
void for_each_strip(const DistributedMatrix<double>& a, F&& f) {
  const dist::BlockCyclic& rows = a.row_layout();
  for (LocalIndex j = 0; j < a.local_cols(); j += a.block()) {
    const LocalIndex end = std::min(j + a.block(), a.local_cols());
    const GlobalIndex first = a.global_col(j);
    const dist::BlockCyclic above{first, rows.block, rows.processes};
    const dist::BlockCyclic with_diagonal{first + (end - j), rows.block, rows.processes};
    const LocalIndex on = above.local_extent(a.grid().row());
    const LocalIndex below = with_diagonal.local_extent(a.grid().row());
    f(Strip{{j, end}, {below, a.local_rows()}, {on, below}, first});
  }
}

/// The lower triangle of a block in both.
Matrix<double> whole_block(MatrixView<const double> lower) {
  Matrix<double> both(lower.rows, lower.cols);
  for (Index j = 0; j < lower.cols; ++j)
    for (Index i = j; i < lower.rows; ++i) both(i, j) = both(j, i) = lower(i, j);
  return both;
}

std::span<double> part(std::vector<double>& values, Range range) {
  return std::span(values).subspan(static_cast<std::size_t>(range.begin),
                                   static_cast<std::size_t>(range.size()));
}
std::span<const double> part(const std::vector<double>& values, Range range) {
  return std::span(values).subspan(static_cast<std::size_t>(range.begin),
                                   static_cast<std::size_t>(range.size()));
}

}  // namespace

std::vector<double> gathered_diagonal(const DistributedMatrix<double>& a) {
  std::vector<double> diagonal(static_cast<std::size_t>(a.rows()));
  dist::for_each_diagonal(
      a, [&](GlobalIndex i, double entry) { diagonal[static_cast<std::size_t>(i)] = entry; });
  a.grid().comm().all_reduce(std::span<double>(diagonal), MPI_SUM);
  return diagonal;
}

void apply_map(const KernelMap<double>& map, const DistributedMatrix<double>& gram,
               std::span<const double> diagonal, double jitter, DistributedMatrix<double>& kernel) {
  const std::vector<double> left = facing(gram.row_layout(), gram.grid().row(), diagonal);
  const std::vector<double> right = facing(gram.col_layout(), gram.grid().col(), diagonal);
  for_each_strip(gram, [&](const Strip& strip) {
    if (!strip.below.empty())
      map.values(gram.local().block(strip.below, strip.cols), part(left, strip.below),
                 part(right, strip.cols), kernel.local().block(strip.below, strip.cols));
    if (strip.on.empty()) return;
    Matrix<double> block = whole_block(gram.local().block(strip.on, strip.cols));
    const std::span<const double> variances = part(left, strip.on);
    map.values(block.view(), variances, variances, block.view());
    const MatrixView<double> out = kernel.local().block(strip.on, strip.cols);
    for (Index j = 0; j < out.cols; ++j)
      std::copy(block.column(j) + j, block.column(j) + out.rows, out.column(j) + j);
  });
  std::vector<double> values(diagonal.size());
  map.diagonal(diagonal, values);
  dist::for_each_diagonal(kernel, [&](GlobalIndex i, double& entry) {
    entry = values[static_cast<std::size_t>(i)] * (1.0 + jitter);
  });
}

void apply_map_adjoint(const KernelMap<double>& map, const DistributedMatrix<double>& gram,
                       std::span<const double> diagonal, double jitter, DistributedMatrix<double>& d) {
  const std::vector<double> left = facing(gram.row_layout(), gram.grid().row(), diagonal);
  const std::vector<double> right = facing(gram.col_layout(), gram.grid().col(), diagonal);
  std::vector<double> d_left(left.size());
  std::vector<double> d_right(right.size());
  std::vector<double> d_diagonal(diagonal.size());
  dist::for_each_diagonal(d, [&](GlobalIndex i, double entry) {
    d_diagonal[static_cast<std::size_t>(i)] = entry * (1.0 + jitter);
  });
  for_each_strip(gram, [&](const Strip& strip) {
    if (!strip.below.empty()) {
      const MatrixView<double> out = d.local().block(strip.below, strip.cols);
      map.adjoint(gram.local().block(strip.below, strip.cols), part(left, strip.below),
                  part(right, strip.cols), out, out, part(d_left, strip.below), part(d_right, strip.cols));
    }
    if (strip.on.empty()) return;
    // Each pair once: what lies on and above the diagonal counts as zero.
    const Matrix<double> block = whole_block(gram.local().block(strip.on, strip.cols));
    const MatrixView<double> out = d.local().block(strip.on, strip.cols);
    Matrix<double> pairs(out.rows, out.cols);
    for (Index j = 0; j < out.cols; ++j)
      std::copy(out.column(j) + j + 1, out.column(j) + out.rows, pairs.column(j) + j + 1);
    map.adjoint(block.view(), part(left, strip.on), part(right, strip.cols), pairs.view(), pairs.view(),
                part(d_left, strip.on), part(d_right, strip.cols));
    for (Index j = 0; j < out.cols; ++j)
      std::copy(pairs.column(j) + j + 1, pairs.column(j) + out.rows, out.column(j) + j + 1);
  });
  // A pair below the diagonal stands for the one above it too.
  std::vector<double> sums(diagonal.size());
  for (std::size_t i = 0; i < d_left.size(); ++i)
    sums[static_cast<std::size_t>(gram.global_row(static_cast<LocalIndex>(i)))] += 2.0 * d_left[i];
  for (std::size_t j = 0; j < d_right.size(); ++j)
    sums[static_cast<std::size_t>(gram.global_col(static_cast<LocalIndex>(j)))] += 2.0 * d_right[j];
  gram.grid().comm().all_reduce(std::span<double>(sums), MPI_SUM);
  std::vector<double> own(diagonal.size());
  map.diagonal_adjoint(diagonal, d_diagonal, own);
  dist::for_each_diagonal(d, [&](GlobalIndex i, double& entry) {
    entry = own[static_cast<std::size_t>(i)] + sums[static_cast<std::size_t>(i)];
  });
}

std::vector<DistributedMatrix<double>> nngp_grams(const KernelMap<double>& map,
                                                  const DistributedMatrix<double>& input_gram, Index layers,
                                                  double jitter) {
  std::vector<DistributedMatrix<double>> grams;
  for (Index l = 0; l < layers; ++l) {
    const DistributedMatrix<double>& below = l == 0 ? input_gram : grams.back();
    DistributedMatrix<double> gram(below.grid(), below.rows(), below.cols(), below.block());
    apply_map(map, below, gathered_diagonal(below), jitter, gram);
    grams.push_back(std::move(gram));
  }
  return grams;
}

}  // namespace widegram::dkm
