#include "solvers/block_cg_cycle.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "src/base/random.hpp"
#include "src/mpi/check.hpp"

namespace widegram::solvers {
namespace {

/// Pivots of scaled inner products below these are rounding.
constexpr double residual_rank_tolerance = 1e-13;
constexpr double direction_rank_tolerance = 1e-14;
/// p^T A p against |p| |A p|, and r^T M^-1 r against |r| |M^-1 r|: rounding makes values that are smaller.
constexpr double negative_curvature = 1e-12;

/// A product with so many vectors costs hardly more than one with a single vector: the matrix passes through
/// memory once. A block is not made narrower than this, since a wide one converges in fewer iterations.
constexpr Index narrow = 32;

constexpr std::uint32_t companion_stream = 12;

/// Where this rank's rows stand among those of all.
struct Rows {
  Index first = 0;
  Index all = 0;
};

Rows rows_of(MPI_Comm comm, Index mine) {
  Index until = 0;
  Rows rows;
  mpi::check(MPI_Scan(&mine, &until, 1, MPI_INT64_T, MPI_SUM, comm));
  mpi::check(MPI_Allreduce(&mine, &rows.all, 1, MPI_INT64_T, MPI_SUM, comm));
  rows.first = until - mine;
  return rows;
}

/// a with row i and column i divided by scale_i.
Matrix<double> scaled(Matrix<double> a, const std::vector<double>& scale) {
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) {
      const double divisor = scale[static_cast<std::size_t>(i)] * scale[static_cast<std::size_t>(j)];
      a(i, j) = divisor > 0 ? a(i, j) / divisor : 0.0;
    }
  return a;
}

/// Roots of |u_i| |v_i| from the squares of the norms.
std::vector<double> root_sizes(const Matrix<double>& u_squares, const Matrix<double>& v_squares) {
  std::vector<double> sizes(static_cast<std::size_t>(u_squares.cols()));
  for (Index i = 0; i < u_squares.cols(); ++i)
    sizes[static_cast<std::size_t>(i)] = std::pow(u_squares(0, i), 0.25) * std::pow(v_squares(0, i), 0.25);
  return sizes;
}

/// What rounding does to q^T z, z = M^-1 q, against sizes that its rows and columns are scaled by: z of a
/// preconditioner close to the inverse is a small difference of terms like q. Dependent columns then seem to
/// be independent, or to have negative curvature.
double product_rounding(const Matrix<double>& q_squares, const std::vector<double>& sizes) {
  const double share = 1e-15 * static_cast<double>(q_squares.cols());
  double rounding = 0;
  for (Index i = 0; i < q_squares.cols(); ++i) {
    const double size = sizes[static_cast<std::size_t>(i)];
    if (size > 0) rounding = std::max(rounding, share * q_squares(0, i) / (size * size));
  }
  return rounding;
}

std::vector<Index> numbers(Index begin, Index end) {
  std::vector<Index> list(static_cast<std::size_t>(end - begin));
  std::iota(list.begin(), list.end(), begin);
  return list;
}

/// g^-1 m, where t spans what g has of rank: t t^T m.
Matrix<double> solve_with(const Matrix<double>& t, const Matrix<double>& m) {
  return product(t.view(), inner_products(t.view(), m.view()).view());
}

}  // namespace

void BlockCgCycle::resume(const BlockCgState& state) {
  iterations_ = state.iterations;
  p_ = state.directions;
  companions_ = state.companions;
  kept_ = state.kept;
  kept_products_ = multiply(kept_);
}

void BlockCgCycle::forget_directions() {
  p_ = {};
  kept_ = {};
  kept_products_ = {};
}

void BlockCgCycle::save() {
  since_save_ = Timer();
  if (!hooks_.save) return;
  BlockCgState state{.iterations = iterations_,
                     .x = chosen_columns(x_, numbers(0, x_.cols)),
                     .directions = Matrix<double>(x_.rows, p_.cols()),
                     .companions = companions(),
                     .kept = Matrix<double>(x_.rows, kept_.cols())};
  std::copy_n(p_.data(), p_.rows() * p_.cols(), state.directions.data());
  std::copy_n(kept_.data(), kept_.rows() * kept_.cols(), state.kept.data());
  hooks_.save(state);
}

/// What q spans beside q c. Columns of c may depend on each other, as those of centred classes do; a
/// direction that they hardly reach is told twice rather than lost.
Matrix<double> BlockCgCycle::companions() const {
  constexpr double hardly = 1e-8;
  Matrix<double> unit = c_;
  for (Index j = 0; j < unit.cols(); ++j) {
    const double size = cblas_dnrm2(static_cast<int>(unit.rows()), unit.column(j), 1);
    for (Index i = 0; i < unit.rows(); ++i) unit(i, j) /= size > 0 ? size : 1.0;
  }
  Matrix<double> shares = product(unit.view(), transposed(unit).view());
  const std::vector<double> values = symmetric_eigen(shares);
  const auto beside = std::lower_bound(values.begin(), values.end(), hardly) - values.begin();
  return product(q_.view(), chosen_columns(shares.view(), numbers(0, beside)).view());
}

Matrix<double> BlockCgCycle::multiply(const Matrix<double>& x) const {
  Matrix<double> y(x.rows(), x.cols());
  if (x.cols() > 0) system_.multiply(x.view(), y.view());
  return y;
}

void BlockCgCycle::report() const {
  if (hooks_.iteration)
    hooks_.iteration({.iteration = iterations_,
                      .residuals = columns_.residuals,
                      .targets = columns_.targets,
                      .sizes = columns_.sizes});
}

void BlockCgCycle::begin(const Matrix<double>& r) {
  active_.clear();
  for (Index j = 0; j < r.cols(); ++j)
    if (!columns_.done(j)) active_.push_back(j);
  q_ = chosen_columns(r.view(), active_);
  const auto k = static_cast<Index>(active_.size());
  c_ = Matrix<double>(k, k);
  for (Index j = 0; j < k; ++j) {
    c_(j, j) = columns_.residuals[static_cast<std::size_t>(active_[static_cast<std::size_t>(j)])];
    for (Index i = 0; i < q_.rows(); ++i) q_(i, j) /= c_(j, j);
  }
  widen();
}

/// Joins the columns of q by those of the state, or else by random ones up to the width. Their rows of c are
/// zero: no residual has a share in them yet.
void BlockCgCycle::widen() {
  const Index k = q_.cols();
  Matrix<double> others = std::exchange(companions_, {});
  if (others.cols() == 0) {
    const Rows rows = rows_of(system_.comm, q_.rows());
    others = Matrix<double>(q_.rows(), std::max<Index>(0, std::min(limits_.width, rows.all) - k));
    const CounterRandom random(0, companion_stream);
    for (Index j = 0; j < others.cols(); ++j)
      for (Index i = 0; i < others.rows(); ++i)
        others(i, j) =
            random.normal(static_cast<std::uint64_t>(rows.first + i), static_cast<std::uint32_t>(j));
  }
  if (k == 0 || others.cols() == 0) return;
  const std::vector<double> sizes = column_norms(system_.comm, others.view());
  for (Index j = 0; j < others.cols(); ++j)
    for (Index i = 0; i < others.rows(); ++i) others(i, j) /= sizes[static_cast<std::size_t>(j)];
  q_ = beside(q_.view(), others.view());
  Matrix<double> shares(q_.cols(), k);
  for (Index j = 0; j < k; ++j) shares(j, j) = c_(j, j);
  c_ = std::move(shares);
}

BlockCgStatus BlockCgCycle::run(const Matrix<double>& r) {
  begin(r);
  report();
  matched_ = p_.cols() == 0;
  if (const Ahead ahead = orthonormalise(Matrix<double>(q_.rows(), 0));
      ahead.status != BlockCgStatus::converged)
    return ahead.status;
  if (matched_) p_ = z_;
  while (!active_.empty()) {
    if (iterations_ >= limits_.max_iterations) return BlockCgStatus::max_iterations;
    if (const BlockCgStatus status = iterate(); status != BlockCgStatus::converged) return status;
  }
  return BlockCgStatus::converged;
}

BlockCgStatus BlockCgCycle::iterate() {
  Matrix<double> w = multiply(p_);
  ++iterations_;
  FusedSum sum;
  sum.add(inner_products(p_.view(), w.view()));
  sum.add(inner_products(p_.view(), q_.view()));
  sum.add(squares(p_.view()));
  sum.add(squares(w.view()));
  sum.reduce(system_.comm);
  if (!sum.finite()) return BlockCgStatus::not_finite;
  Matrix<double> delta = sum.take(p_.cols(), p_.cols());
  Matrix<double> p_q = sum.take(p_.cols(), q_.cols());
  const Matrix<double> p_squares = sum.take(1, p_.cols());
  const std::vector<double> sizes = root_sizes(p_squares, sum.take(1, p_.cols()));
  if (has_eigenvalue_below(system_.comm, scaled(delta, sizes), negative_curvature))
    return BlockCgStatus::indefinite;
  if (matched_ && q_.cols() > narrow && 2 * static_cast<Index>(active_.size()) <= q_.cols())
    set_aside(w, delta, p_q);
  const Matrix<double> t = reveal_rank(system_.comm, delta, direction_rank_tolerance).t;
  if (t.cols() == 0) return BlockCgStatus::stagnated;
  // Then p^T q = I and w^T z = -delta s^T, which are more exact as they stand here than when computed.
  const bool matched = matched_ && t.cols() == p_.cols();

  const Matrix<double> alpha = matched ? product(t.view(), transposed(t).view()) : solve_with(t, p_q);
  add_product(q_.view(), -1.0, w.view(), alpha.view());
  const Matrix<double> step = product(p_.view(), product(alpha.view(), c_.view()).view());
  for (std::size_t j = 0; j < active_.size(); ++j)
    for (Index i = 0; i < x_.rows; ++i) x_(i, active_[j]) += step(i, static_cast<Index>(j));
  const Ahead ahead = orthonormalise(w);
  if (ahead.status != BlockCgStatus::converged) return ahead.status;
  report();
  if (active_.empty()) return BlockCgStatus::converged;

  Matrix<double> next = z_;
  if (matched)
    add_product(next.view(), 1.0, p_.view(), transposed(ahead.s).view());
  else
    add_product(next.view(), -1.0, p_.view(), solve_with(t, ahead.along).view());
  add_product(next.view(), -1.0, kept_.view(), ahead.along_kept.view());
  p_ = std::move(next);
  matched_ = true;
  if (ahead.stop || ahead.save) save();
  return ahead.stop ? BlockCgStatus::stopped : BlockCgStatus::converged;
}

/// q c with q any basis becomes one with q orthonormal in the product of M^-1, and z = M^-1 q.
BlockCgCycle::Ahead BlockCgCycle::orthonormalise(const Matrix<double>& w) {
  const Index k = q_.cols();
  z_ = q_;
  if (system_.precondition && k > 0) system_.precondition(q_.view(), z_.view());
  FusedSum sum;
  sum.add(inner_products(q_.view(), z_.view()));
  sum.add(inner_products(q_.view(), q_.view()));
  sum.add(squares(z_.view()));
  sum.add(inner_products(w.view(), z_.view()));
  sum.add(inner_products(kept_products_.view(), z_.view()));
  sum.add(hooks_.stop && hooks_.stop() ? 1.0 : 0.0);
  sum.add(hooks_.save && since_save_.seconds() > hooks_.save_every ? 1.0 : 0.0);
  sum.reduce(system_.comm);
  if (!sum.finite()) return {.status = BlockCgStatus::not_finite};
  const Matrix<double> inner = sum.take(k, k);
  const Matrix<double> gram = sum.take(k, k);
  const Matrix<double> z_squares = sum.take(1, k);
  const Matrix<double> along = sum.take(w.cols(), k);
  const Matrix<double> along_kept = sum.take(kept_products_.cols(), k);
  note_norms(gram);

  Matrix<double> q_squares(1, k);
  for (Index i = 0; i < k; ++i) q_squares(0, i) = gram(i, i);
  const std::vector<double> sizes = root_sizes(q_squares, z_squares);
  if (has_eigenvalue_below(system_.comm, scaled(inner, sizes),
                           std::max(negative_curvature, product_rounding(q_squares, sizes))))
    return {.status = BlockCgStatus::indefinite_preconditioner};
  std::vector<double> own(static_cast<std::size_t>(k));
  for (Index i = 0; i < k; ++i) own[static_cast<std::size_t>(i)] = std::sqrt(std::max(0.0, inner(i, i)));
  const RankRevealed revealed =
      reveal_rank(system_.comm, inner, std::max(residual_rank_tolerance, product_rounding(q_squares, own)));
  q_ = product(q_.view(), revealed.t.view());
  z_ = product(z_.view(), revealed.t.view());
  c_ = product(revealed.s.view(), c_.view());
  drop_done_columns();
  return {.s = revealed.s,
          .along = product(along.view(), revealed.t.view()),
          .along_kept = product(along_kept.view(), revealed.t.view()),
          .stop = sum.take() > 0,
          .save = sum.take() > 0};
}

/// Norms of the active columns of q c, from q^T q.
void BlockCgCycle::note_norms(const Matrix<double>& gram) {
  const Matrix<double> image = product(gram.view(), c_.view());
  std::vector<double> norms(active_.size());
  for (std::size_t j = 0; j < norms.size(); ++j) {
    const auto column = static_cast<Index>(j);
    const double square =
        std::inner_product(c_.column(column), c_.column(column) + c_.rows(), image.column(column), 0.0);
    norms[j] = std::sqrt(std::max(0.0, square));
  }
  take_from_root(system_.comm, norms);
  for (std::size_t j = 0; j < norms.size(); ++j)
    columns_.residuals[static_cast<std::size_t>(active_[j])] = norms[j];
}

void BlockCgCycle::drop_done_columns() {
  std::vector<Index> left;
  std::vector<Index> still_active;
  for (std::size_t j = 0; j < active_.size(); ++j) {
    const auto column = static_cast<std::size_t>(active_[j]);
    if (q_.cols() == 0 || columns_.residuals[column] <= columns_.floors[column]) continue;
    left.push_back(static_cast<Index>(j));
    still_active.push_back(active_[j]);
  }
  if (left.size() == active_.size()) return;
  c_ = chosen_columns(c_.view(), left);
  active_ = std::move(still_active);
}

/// Far fewer columns are left than there are directions: turns q so that its first columns span their
/// residuals, sets the directions that go with the last ones aside, and makes the rest conjugate to these.
void BlockCgCycle::set_aside(Matrix<double>& w, Matrix<double>& delta, Matrix<double>& p_q) {
  const Index left = std::max(static_cast<Index>(active_.size()), narrow);
  const Matrix<double> basis = orthogonal_basis(c_);
  const Matrix<double> stay = chosen_columns(basis.view(), numbers(0, left));
  const Matrix<double> go = chosen_columns(basis.view(), numbers(left, basis.cols()));
  const auto square_form = [&](const Matrix<double>& u) {
    return inner_products(u.view(), product(delta.view(), u.view()).view());
  };
  const Matrix<double> normal =
      product(go.view(), reveal_rank(system_.comm, square_form(go), direction_rank_tolerance).t.view());
  Matrix<double> rest = stay;
  add_product(rest.view(), -1.0, normal.view(),
              inner_products(normal.view(), product(delta.view(), stay.view()).view()).view());
  kept_ = kept_.cols() == 0 ? product(p_.view(), normal.view())
                            : beside(kept_.view(), product(p_.view(), normal.view()).view());
  kept_products_ = kept_products_.cols() == 0
                       ? product(w.view(), normal.view())
                       : beside(kept_products_.view(), product(w.view(), normal.view()).view());
  p_ = product(p_.view(), rest.view());
  w = product(w.view(), rest.view());
  delta = square_form(rest);
  p_q = product(inner_products(rest.view(), p_q.view()).view(), stay.view());
  q_ = product(q_.view(), stay.view());
  c_ = inner_products(stay.view(), c_.view());
}

}  // namespace widegram::solvers
