#include "solvers/largest_eigenpairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>

#include "solvers/block_algebra.hpp"
#include "src/base/random.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t start_stream = 11;
constexpr Index block = 16;
constexpr Index check_share =
    8;  ///< Ritz pairs are worked out when the basis has grown by this part of itself

/// Ritz pairs of the basis, largest first: values, and vectors in terms of the basis.
struct RitzPairs {
  std::vector<double> values;
  Matrix<double> vectors;
};

/// The basis Q and T = Q^T A Q, grown a block at a time. A Q = Q T but for the last block, whose products
/// leave the basis by `next` times `beyond`.
class BlockKrylov {
 public:
  BlockKrylov(const dist::LinearOperator& a, Index most)
      : a_(a), rows_(a.part().size()), most_(most), basis_(rows_, most), t_(most, most) {
    start();
  }

  Index size() const { return size_; }
  bool full() const { return size_ + next_.cols() > most_; }
  Index products() const { return products_; }

  /// Takes the next block into the basis and multiplies the matrix by it.
  void grow() {
    if (next_.cols() == 0) start();
    const Index first = size_;
    const Index width = next_.cols();
    for (Index j = 0; j < width; ++j) std::copy_n(next_.column(j), rows_, basis_.column(first + j));
    size_ += width;
    Matrix<double> w(rows_, width);
    a_.apply(next_.view(), w.view());
    products_ += width;
    Matrix<double> along = remove_basis(w);
    const Matrix<double> left = remove_basis(w);  // by rounding
    std::transform(along.data(), along.data() + size_ * width, left.data(), along.data(), std::plus<>());
    for (Index j = 0; j < width; ++j)
      for (Index i = 0; i < size_; ++i) {
        const bool twin = i >= first;  // both of the pair were worked out
        const double value = twin ? 0.5 * (along(i, j) + along(first + j, i - first)) : along(i, j);
        t_(i, first + j) = value;
        t_(first + j, i) = value;
      }
    for (Index i = 0; i < size_; ++i) scale_ = std::max(scale_, std::abs(t_(i, i)));
    std::tie(next_, beyond_) = orthonormalised(w);
  }

  /// Collective; worked out on the root, so that all ranks decide alike.
  RitzPairs ritz_pairs() const {
    Matrix<double> t(size_, size_);
    for (Index j = 0; j < size_; ++j) std::copy_n(t_.column(j), size_, t.column(j));
    std::vector<double> shared(static_cast<std::size_t>(size_ * (size_ + 1)));
    mpi::on_root(a_.comm(), [&] {
      const std::vector<double> values = symmetric_eigen(t);
      std::copy(values.begin(), values.end(), shared.begin());
      std::copy_n(t.data(), size_ * size_, shared.begin() + size_);
    });
    a_.comm().broadcast(std::span<double>(shared));
    RitzPairs pairs{{shared.rend() - size_, shared.rend()}, Matrix<double>(size_, size_)};
    for (Index j = 0; j < size_; ++j)
      std::copy_n(shared.begin() + size_ + (size_ - 1 - j) * size_, size_, pairs.vectors.column(j));
    return pairs;
  }

  /// Residuals of the first `count` Ritz pairs as the recurrence knows them. Collective.
  std::vector<double> residuals(const RitzPairs& pairs, Index count) const {
    const Index width = beyond_.cols();
    const Matrix<double> out =
        product(beyond_.view(), pairs.vectors.view().block({size_ - width, size_}, {0, count}));
    std::vector<double> norms(static_cast<std::size_t>(count));
    for (Index j = 0; j < count; ++j)
      for (Index i = 0; i < out.rows(); ++i)
        norms[static_cast<std::size_t>(j)] = std::hypot(norms[static_cast<std::size_t>(j)], out(i, j));
    take_from_root(a_.comm().handle(), norms);
    return norms;
  }

  /// The first `count` Ritz vectors, this rank's rows.
  Matrix<double> vectors(const RitzPairs& pairs, Index count) const {
    return product(basis(), pairs.vectors.view().block({0, size_}, {0, count}));
  }

  /// Leaves the first `count` Ritz vectors as the basis.
  void restart(const RitzPairs& pairs, Index count) {
    const Matrix<double> kept = vectors(pairs, count);
    for (Index j = 0; j < count; ++j) {
      std::copy_n(kept.column(j), rows_, basis_.column(j));
      std::fill_n(t_.column(j), count, 0.0);
      t_(j, j) = pairs.values[static_cast<std::size_t>(j)];
    }
    size_ = count;
  }

  /// Below this a vector is rounding alone.
  double rounding() const {
    return static_cast<double>(a_.size()) * std::numeric_limits<double>::epsilon() * scale_;
  }

 private:
  MatrixView<const double> basis() const { return basis_.view().block({0, rows_}, {0, size_}); }

  /// A first block, or another one where the basis is an invariant space.
  void start() {
    const CounterRandom random(0, start_stream);
    Matrix<double> w(rows_, std::min(block, most_ - size_));
    for (Index j = 0; j < w.cols(); ++j)
      for (Index i = 0; i < rows_; ++i)
        w(i, j) = random.normal(static_cast<std::uint64_t>(a_.part().begin + i),
                                static_cast<std::uint32_t>(starts_ * block + j));
    ++starts_;
    remove_basis(w);
    next_ = orthonormalised(w).first;
    beyond_ = Matrix<double>(0, 0);
  }

  /// Takes from w what lies along the basis, and returns it.
  Matrix<double> remove_basis(Matrix<double>& w) const { return remove(basis(), w); }

  Matrix<double> remove(MatrixView<const double> q, Matrix<double>& w) const {
    Matrix<double> along = inner_products(q, w.view());
    a_.comm().all_reduce(
        std::span<double>(along.data(), static_cast<std::size_t>(along.rows() * along.cols())), MPI_SUM);
    add_product(w.view(), -1.0, q, along.view());
    return along;
  }

  /// w = Q R with Q orthonormal and orthogonal to the basis; columns that are rounding alone, or lie in the
  /// others, make none of Q.
  std::pair<Matrix<double>, Matrix<double>> orthonormalised(const Matrix<double>& w) const {
    Matrix<double> q(rows_, w.cols());
    Matrix<double> r(w.cols(), w.cols());
    Index found = 0;
    for (Index j = 0; j < w.cols() && size_ + found < a_.size(); ++j) {
      const MatrixView<const double> others = q.view().block({0, rows_}, {0, found});
      Matrix<double> v = chosen_columns(w.view(), std::span(&j, 1));
      double norm = column_norms(a_.comm().handle(), v.view()).front();
      // A vector that loses half its length loses digits as well, so once more.
      for (double before = HUGE_VAL; norm > rounding() && norm < 0.5 * before;) {
        before = norm;
        const Matrix<double> along = remove(others, v);
        for (Index i = 0; i < found; ++i) r(i, j) += along(i, 0);
        remove_basis(v);
        norm = column_norms(a_.comm().handle(), v.view()).front();
      }
      if (!(norm > rounding())) continue;
      std::transform(v.data(), v.data() + rows_, q.column(found), [&](double x) { return x / norm; });
      r(found++, j) = norm;
    }
    std::vector<Index> columns(static_cast<std::size_t>(found));
    std::iota(columns.begin(), columns.end(), Index{0});
    Matrix<double> shape(found, w.cols());
    for (Index j = 0; j < w.cols(); ++j) std::copy_n(r.column(j), found, shape.column(j));
    return {chosen_columns(q.view(), columns), std::move(shape)};
  }

  const dist::LinearOperator& a_;
  Index rows_;
  Index most_;
  Matrix<double> basis_;
  Matrix<double> t_;
  Matrix<double> next_;
  Matrix<double> beyond_;
  Index size_ = 0;
  Index starts_ = 0;
  Index products_ = 0;
  double scale_ = 0;
};

/// Works out |A v - value v| of each pair by products of their own: the recurrence's word is not enough.
void check_residuals(const dist::LinearOperator& a, LargestEigenpairs& pairs, double tolerance) {
  const Index rows = pairs.vectors.rows();
  const Index count = pairs.vectors.cols();
  for (Index first = 0; first < count; first += block) {
    const MatrixView<const double> v =
        pairs.vectors.view().block({0, rows}, {first, std::min(first + block, count)});
    Matrix<double> w(rows, v.cols);
    a.apply(v, w.view());
    for (Index j = 0; j < v.cols; ++j)
      for (Index i = 0; i < rows; ++i) w(i, j) -= pairs.values[static_cast<std::size_t>(first + j)] * v(i, j);
    const std::vector<double> norms = column_norms(a.comm().handle(), w.view());
    pairs.residuals.insert(pairs.residuals.end(), norms.begin(), norms.end());
  }
  const double worst = *std::max_element(pairs.residuals.begin(), pairs.residuals.end());
  if (!(worst <= 10 * tolerance))
    throw mpi::CollectiveError(
        ExitCode::numerical,
        fmt::format(
            "the residual of an eigenpair is {:.2g} where {:.2g} was to be reached: products with the "
            "matrix are less exact than that",
            worst, tolerance));
}

}  // namespace

Index largest_eigenpairs_basis(Index count, GlobalIndex n) { return std::min(n, 2 * count + 8 * block); }

LargestEigenpairs largest_eigenpairs(const dist::LinearOperator& a, const LargestOptions& options) {
  const Index count = options.count;
  if (count < 1 || count > a.size())
    throw mpi::CollectiveError(
        ExitCode::usage,
        fmt::format("{} eigenpairs of a matrix of {} rows: ask for 1 to {}", count, a.size(), a.size()));
  const Index most_products = options.max_products > 0 ? options.max_products : 100 * count + 10000;
  BlockKrylov krylov(a, largest_eigenpairs_basis(count, a.size()));
  for (Index checked = 0;;) {
    if (options.check_stop) options.check_stop();
    krylov.grow();
    const bool whole = krylov.size() == a.size();
    const bool give_up = krylov.products() >= most_products;
    if (krylov.size() < count || !(whole || give_up || krylov.full() ||
                                   krylov.size() - checked >= std::max(block, checked / check_share)))
      continue;
    checked = krylov.size();
    const RitzPairs ritz = krylov.ritz_pairs();
    const std::vector<double> residuals = krylov.residuals(ritz, count);
    const double tolerance = std::max(options.tolerance * std::abs(ritz.values.front()), krylov.rounding());
    const Index done = std::count_if(residuals.begin(), residuals.end(),
                                     [&](double residual) { return residual <= tolerance; });
    if (options.observer) options.observer(done, count);
    if (done == count) {
      LargestEigenpairs pairs{.values = {ritz.values.begin(), ritz.values.begin() + count},
                              .vectors = krylov.vectors(ritz, count)};
      pairs.products = krylov.products() + count;
      check_residuals(a, pairs, tolerance);
      return pairs;
    }
    if (give_up)
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format(
              "{} of {} eigenpairs have converged after {} products with the matrix: ask for fewer of "
              "them, or for all eigenvalues",
              done, count, krylov.products()));
    if (!krylov.full()) continue;
    krylov.restart(ritz, std::min(count + block, krylov.size() - block));
    checked = krylov.size();
  }
}

}  // namespace widegram::solvers
