#include <algorithm>
#include <limits>
#include <numeric>

#include "solvers/block_algebra.hpp"
#include "solvers/low_rank.hpp"
#include "src/base/random.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t sketch_stream = 3;
constexpr std::uint32_t choice_stream = 4;
/// Pivots of W^T A W, scaled, below this are rounding.
constexpr double core_rank_tolerance = 1e-14;

/// Y of A W and W^T (A + shift I) W to F with A + shift I ~ F F^T.
LowRankFactor factor_of(const dist::LinearOperator& a, const Matrix<double>& y, const Matrix<double>& core,
                        double shift) {
  Matrix<double> even = core;  // symmetric to the bit
  for (Index j = 0; j < core.cols(); ++j)
    for (Index i = 0; i < core.rows(); ++i) even(i, j) = 0.5 * (core(i, j) + core(j, i));
  const RankRevealed revealed = reveal_rank(a.comm().handle(), even, core_rank_tolerance);
  return {.f = product(y.view(), revealed.t.view()), .shift = shift};
}

double rounding_shift(double trace) { return std::numeric_limits<double>::epsilon() * trace; }

void sum_over_ranks(const dist::LinearOperator& a, Matrix<double>& values) {
  a.comm().all_reduce(
      std::span<double>(values.data(), static_cast<std::size_t>(values.rows() * values.cols())), MPI_SUM);
}

}  // namespace

LowRankFactor nystrom_by_sketch(const dist::LinearOperator& a, double trace, Index rank, std::uint64_t seed,
                                Matrix<double>& known) {
  const Range mine = a.part();
  const CounterRandom random(seed, sketch_stream);
  Matrix<double> w(mine.size(), rank);
  for (Index j = 0; j < rank; ++j)
    for (Index i = 0; i < mine.size(); ++i)
      w(i, j) = random.normal(static_cast<std::uint64_t>(mine.begin + i), static_cast<std::uint32_t>(j));
  const MatrixView<const double> fresh = w.view().block({0, mine.size()}, {known.cols(), rank});
  Matrix<double> products(mine.size(), fresh.cols);
  a.apply(fresh, products.view());
  known = beside(known.view(), products.view());

  const double shift = rounding_shift(trace);
  Matrix<double> y = known;
  for (Index j = 0; j < rank; ++j)
    for (Index i = 0; i < mine.size(); ++i) y(i, j) += shift * w(i, j);
  Matrix<double> core = inner_products(w.view(), y.view());
  sum_over_ranks(a, core);
  return factor_of(a, y, core, shift);
}

LowRankFactor nystrom_by_columns(const dist::LinearOperator& a, double trace, Index rank,
                                 std::uint64_t seed) {
  const CounterRandom random(seed, choice_stream);
  std::vector<std::pair<double, GlobalIndex>> lots(static_cast<std::size_t>(a.size()));
  for (GlobalIndex i = 0; i < a.size(); ++i)
    lots[static_cast<std::size_t>(i)] = {random.uniform(static_cast<std::uint64_t>(i)), i};
  std::partial_sort(lots.begin(), lots.begin() + rank, lots.end());
  std::vector<GlobalIndex> chosen;
  for (Index j = 0; j < rank; ++j) chosen.push_back(lots[static_cast<std::size_t>(j)].second);

  const Range mine = a.part();
  const double shift = rounding_shift(trace);
  Matrix<double> y = a.columns(chosen);
  Matrix<double> core(rank, rank);
  for (Index i = 0; i < rank; ++i) {
    const GlobalIndex row = chosen[static_cast<std::size_t>(i)] - mine.begin;
    if (row < 0 || row >= mine.size()) continue;
    y(row, i) += shift;
    for (Index j = 0; j < rank; ++j) core(i, j) = y(row, j);
    core(i, i) = y(row, i);
  }
  sum_over_ranks(a, core);
  LowRankFactor factor = factor_of(a, y, core, shift);
  factor.landmarks = std::move(chosen);
  return factor;
}

}  // namespace widegram::solvers
