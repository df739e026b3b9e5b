#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "solvers/block_algebra.hpp"
#include "solvers/low_rank.hpp"
#include "src/base/random.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t proposal_stream = 1;
constexpr std::uint32_t rejection_stream = 2;
/// What is left of a diagonal entry is rounding below this share of it.
constexpr double rounding = 1e-13;

/// Indices drawn with probabilities in proportion to the weights, with repeats. Sums run in the order of the
/// indices on every rank, whatever the parts.
std::vector<GlobalIndex> draw(const Matrix<double>& weights, Index count, const CounterRandom& random,
                              std::uint64_t first) {
  std::vector<double> sums(static_cast<std::size_t>(weights.rows()));
  std::partial_sum(weights.data(), weights.data() + weights.rows(), sums.begin());
  std::vector<GlobalIndex> drawn;
  for (Index k = 0; k < count; ++k) {
    const double level = random.uniform(first + static_cast<std::uint64_t>(k)) * sums.back();
    const auto place = std::upper_bound(sums.begin(), sums.end(), level);
    drawn.push_back(std::min<GlobalIndex>(place - sums.begin(), weights.rows() - 1));
  }
  return drawn;
}

/// The listed rows of a matrix in parts, on every rank. Collective.
Matrix<double> rows_of(const dist::LinearOperator& a, MatrixView<const double> part,
                       const std::vector<GlobalIndex>& rows) {
  const Range mine = a.part();
  Matrix<double> found(static_cast<Index>(rows.size()), part.cols);
  for (Index j = 0; j < part.cols; ++j)
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i] >= mine.begin && rows[i] < mine.end)
        found(static_cast<Index>(i), j) = part(rows[i] - mine.begin, j);
  a.comm().all_reduce(std::span<double>(found.data(), static_cast<std::size_t>(found.rows() * found.cols())),
                      MPI_SUM);
  return found;
}

/// The proposals that are kept and the Cholesky factor of what is left of A on them.
struct Accepted {
  std::vector<Index> places;
  Matrix<double> factor;  ///< lower triangle, as many rows as places
};

/// Goes through the proposals with the remainder h of A on them. Rank 0 decides for all. Collective.
Accepted accept(const dist::LinearOperator& a, Matrix<double> h, const CounterRandom& random,
                std::uint64_t first) {
  const Index k = h.rows();
  std::vector<double> shared(static_cast<std::size_t>(k + k * k));
  if (a.comm().is_root()) {
    Matrix<double> factor(k, k);
    std::vector<double> bound(static_cast<std::size_t>(k));
    for (Index i = 0; i < k; ++i) bound[static_cast<std::size_t>(i)] = h(i, i);
    for (Index i = 0; i < k; ++i) {
      const double limit = bound[static_cast<std::size_t>(i)];
      const double u = random.uniform(first + static_cast<std::uint64_t>(i));
      if (!(h(i, i) > rounding * limit) || u * limit >= h(i, i)) continue;
      shared[static_cast<std::size_t>(i)] = 1;
      const double root = std::sqrt(h(i, i));
      for (Index j = i; j < k; ++j) factor(j, i) = h(j, i) / root;
      for (Index j = i + 1; j < k; ++j)
        for (Index m = j; m < k; ++m) h(m, j) -= factor(m, i) * factor(j, i);
    }
    std::copy_n(factor.data(), k * k, shared.begin() + k);
  }
  a.comm().broadcast(std::span<double>(shared));
  Accepted accepted;
  for (Index i = 0; i < k; ++i)
    if (shared[static_cast<std::size_t>(i)] != 0) accepted.places.push_back(i);
  const auto count = static_cast<Index>(accepted.places.size());
  accepted.factor = Matrix<double>(count, count);
  for (Index j = 0; j < count; ++j)
    for (Index i = j; i < count; ++i)
      accepted.factor(i, j) =
          shared[static_cast<std::size_t>(k + accepted.places[static_cast<std::size_t>(i)] +
                                          accepted.places[static_cast<std::size_t>(j)] * k)];
  return accepted;
}

/// Rows x factor^-T in place.
void solve_right(MatrixView<double> rows, const Matrix<double>& factor) {
  if (rows.empty()) return;
  cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, to_int(rows.rows, "rows"),
              to_int(rows.cols, "columns"), 1.0, factor.data(), to_int(factor.rows(), "columns"), rows.data,
              to_int(std::max<Index>(1, rows.stride), "rows"));
}

}  // namespace

Diagonal checked_diagonal(const dist::LinearOperator& a) {
  Diagonal diagonal{.part = a.diagonal()};
  double bad = 0;
  for (const double entry : diagonal.part) {
    if (!(entry >= 0) || !std::isfinite(entry)) bad = 1;
    diagonal.trace += entry;
  }
  bad = a.comm().sum(bad);
  diagonal.trace = a.comm().sum(diagonal.trace);
  if (bad == 0 && diagonal.trace > 0) return diagonal;
  throw mpi::CollectiveError(
      ExitCode::numerical,
      "the Gram matrix's diagonal has entries that are negative, zero throughout, or not "
      "finite: it has no preconditioner; look at what the matrix is made from");
}

LowRankFactor randomly_pivoted_cholesky(const dist::LinearOperator& a, const Diagonal& diagonal, Index rank,
                                        double trace_left, std::uint64_t seed) {
  const Index rows = a.part().size();
  const Index block = std::clamp<Index>(rank / 8, 1, 256);
  const CounterRandom proposals(seed, proposal_stream);
  const CounterRandom rejections(seed, rejection_stream);
  Matrix<double> f(rows, rank);
  Matrix<double> left(rows, 1);
  std::copy(diagonal.part.begin(), diagonal.part.end(), left.data());
  std::vector<GlobalIndex> landmarks;
  Index r = 0;
  for (std::uint64_t drawn = 0; r < rank; drawn += static_cast<std::uint64_t>(block)) {
    const Matrix<double> weights = dist::gather_parts(a.comm(), a.layout(), left.view());
    const double sum = std::accumulate(weights.data(), weights.data() + weights.rows(), 0.0);
    if (sum <= std::max(trace_left, rounding * diagonal.trace)) break;
    const std::vector<GlobalIndex> proposed = draw(weights, std::min(block, rank - r), proposals, drawn);
    const Matrix<double> columns = a.columns(proposed);
    const MatrixView<double> so_far = f.view().block({0, rows}, {0, r});
    Matrix<double> h = rows_of(a, columns.view(), proposed);
    const Matrix<double> f_rows = rows_of(a, so_far, proposed);
    add_product(h.view(), -1.0, f_rows.view(), transposed(f_rows).view());
    const Accepted accepted = accept(a, std::move(h), rejections, drawn);

    const auto count = static_cast<Index>(accepted.places.size());
    if (count == 0) break;  // the first one is always kept, unless what is left of the diagonal is rounding
    const MatrixView<double> added = f.view().block({0, rows}, {r, r + count});
    for (Index j = 0; j < count; ++j) {
      const Index place = accepted.places[static_cast<std::size_t>(j)];
      std::copy_n(columns.column(place), rows, added.column(j));
      landmarks.push_back(proposed[static_cast<std::size_t>(place)]);
    }
    const Matrix<double> f_there = transposed(f_rows);
    add_product(added, -1.0, so_far, chosen_columns(f_there.view(), accepted.places).view());
    solve_right(added, accepted.factor);
    for (Index j = 0; j < count; ++j)
      for (Index i = 0; i < rows; ++i) left(i, 0) = std::max(0.0, left(i, 0) - added(i, j) * added(i, j));
    const Range mine = a.part();
    for (const GlobalIndex landmark : landmarks)
      if (landmark >= mine.begin && landmark < mine.end) left(landmark - mine.begin, 0) = 0;
    r += count;
  }
  if (r == rank) return {.f = std::move(f), .landmarks = std::move(landmarks)};
  return {.f = beside(f.view().block({0, rows}, {0, r}), {}), .landmarks = std::move(landmarks)};
}

}  // namespace widegram::solvers
