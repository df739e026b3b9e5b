#include "solvers/cholesky.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "solvers/checks.hpp"
#include "solvers/extreme_eigenvalues.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/scalapack.hpp"
#include "src/dist/stored_operator.hpp"
#include "src/dist/symmetry.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

DistributedMatrix<double> alike(const DistributedMatrix<double>& b) {
  return {b.grid(), b.rows(), b.cols(), b.block()};
}

/// Of the factorisation of order n.
Index flops(GlobalIndex n) {
  const auto order = static_cast<double>(n);
  return static_cast<Index>(order * order * order / 3);
}

/// The next number with two significant digits; one that has two already stays, whatever its last bit.
double round_up_to_two_digits(double x) {
  const double unit = std::pow(10.0, std::floor(std::log10(x)) - 1.0);
  return std::ceil(x / unit * (1.0 - 1e-12)) * unit;
}

/// Sums over whole columns of a distributed matrix, from those over what each rank holds.
std::vector<double> sum_columns(const DistributedMatrix<double>& a, const std::vector<double>& local_sums) {
  std::vector<double> sums(static_cast<std::size_t>(a.cols()));
  for (std::size_t j = 0; j < local_sums.size(); ++j)
    sums[static_cast<std::size_t>(a.global_col(static_cast<LocalIndex>(j)))] = local_sums[j];
  a.grid().comm().all_reduce(std::span<double>(sums), MPI_SUM);
  return sums;
}

}  // namespace

Cholesky::Cholesky(DistributedMatrix<double> a, double ridge, const WorkObserver& observer)
    : a_(std::move(a)), ridge_(ridge) {
  check_finite(a_, "the Gram matrix");  // first: a ridge relative to a diagonal with NaN is NaN too
  check_ridge(ridge);
  add_ridge();
  double largest = 0;
  dist::for_each_diagonal(a_, [&](GlobalIndex, double entry) { largest = std::max(largest, entry); });
  largest = a_.grid().comm().max(largest);
  if (observer) observer(0, flops(a_.rows()));
  const Index info = dist::potrf(a_, [&](GlobalIndex columns) {
    if (observer) observer(flops(a_.rows()) - flops(a_.rows() - columns), flops(a_.rows()));
  });
  const double threshold = static_cast<double>(a_.rows()) * std::numeric_limits<double>::epsilon() * largest;
  const Index valid = info > 0 ? info - 1 : a_.rows();
  const Index tiny = first_tiny_pivot(valid, threshold);
  if (tiny < valid) fail(tiny + 1);
  if (info > 0) fail(info);
}

/// Puts A's diagonal aside and the one with the ridge in its place.
void Cholesky::add_ridge() {
  dist::for_each_diagonal(a_, [&](GlobalIndex, double& entry) {
    diagonal_.push_back(entry);
    entry += ridge_;
  });
}

void Cholesky::exchange_diagonal() {
  auto other = diagonal_.begin();
  dist::for_each_diagonal(a_, [&](GlobalIndex, double& entry) { std::swap(entry, *other++); });
}

/// Index of the first of the `valid` pivots that is below the threshold, on all ranks; `valid` where none is.
Index Cholesky::first_tiny_pivot(Index valid, double threshold) const {
  Index first = valid;
  dist::for_each_diagonal(a_, [&](GlobalIndex i, double root) {
    if (i < first && root * root < threshold) first = i;
  });
  return a_.grid().comm().min(first);
}

/// A in both triangles, without the ridge.
void Cholesky::restore() {
  exchange_diagonal();
  dist::mirror_upper(a_);
}

void Cholesky::fail(Index minor) {
  restore();
  const ExtremeEigenvalues ends = extreme_eigenvalues(dist::StoredOperator(a_));
  // Twice n eps |A|: once for the rounding of the factorisation, once for the threshold that its pivots must
  // pass.
  const double margin = 2.0 * static_cast<double>(a_.rows()) * std::numeric_limits<double>::epsilon() *
                        std::max(std::abs(ends.largest), std::abs(ends.smallest));
  const double needed = std::max(0.0, ends.smallest_error - ends.smallest) + margin;
  // The factorisation has shown that the ridge in use is too small, whatever Lanczos saw.
  const double suggested =
      round_up_to_two_digits(std::max({needed, 1.1 * ridge_, std::numeric_limits<double>::min()}));
  const double mean = dist::mean_diagonal(a_);
  const std::string relative =
      mean > 0 ? fmt::format(", that is ridge = {:.2g}", round_up_to_two_digits(suggested / mean)) : "";
  throw NotPositiveDefinite(
      fmt::format(
          "the Gram matrix with {:.6g} added to its diagonal is not positive definite: its leading minor of "
          "order {} "
          "fails. Row {} (counted from 0) depends on the rows before it, as a duplicate sample does, or the "
          "matrix "
          "is no Gram to its precision. The smallest ridge that helps is about ridge_absolute = {:.2g}{}",
          ridge_, minor, minor - 1, suggested, relative),
      minor, ridge_, suggested, std::move(a_));
}

DistributedMatrix<double> Cholesky::solve(const DistributedMatrix<double>& b) const {
  DistributedMatrix<double> x = b.copy();
  solve_in_place(x);
  return x;
}

void Cholesky::solve_in_place(DistributedMatrix<double>& b) const { dist::potrs(a_, b); }

DistributedMatrix<double> Cholesky::multiply(const DistributedMatrix<double>& x) {
  DistributedMatrix<double> product = alike(x);
  exchange_diagonal();
  dist::symm(dist::Triangle::upper, a_, x, product);
  exchange_diagonal();
  return product;
}

double Cholesky::log_determinant() const {
  double sum = 0;
  dist::for_each_diagonal(a_, [&](GlobalIndex, double root) { sum += std::log(root); });
  return 2.0 * a_.grid().comm().sum(sum);
}

void Cholesky::solve_lower(DistributedMatrix<double>& b) const { dist::solve_lower(a_, b); }

Cholesky::InverseDiagonal Cholesky::inverse_diagonal() && {
  dist::invert_lower(a_);
  std::vector<double> squares(static_cast<std::size_t>(a_.local_cols()));
  for (LocalIndex j = 0; j < a_.local_cols(); ++j)
    for (LocalIndex i = 0; i < a_.local_rows(); ++i)
      if (a_.global_row(i) >= a_.global_col(j))
        squares[static_cast<std::size_t>(j)] += a_.local()(i, j) * a_.local()(i, j);
  std::vector<double> values = sum_columns(a_, squares);
  restore();
  return {std::move(values), std::move(a_)};
}

DistributedMatrix<double> Cholesky::release() && {
  restore();
  return std::move(a_);
}

std::vector<double> Cholesky::relative_residuals(const DistributedMatrix<double>& b,
                                                 const DistributedMatrix<double>& x) {
  const DistributedMatrix<double> product = multiply(x);
  std::vector<double> residual_sums(static_cast<std::size_t>(b.local_cols()));
  std::vector<double> b_sums(residual_sums.size());
  for (LocalIndex j = 0; j < b.local_cols(); ++j)
    for (LocalIndex i = 0; i < b.local_rows(); ++i) {
      const double residual = b.local()(i, j) - product.local()(i, j) - ridge_ * x.local()(i, j);
      residual_sums[static_cast<std::size_t>(j)] += residual * residual;
      b_sums[static_cast<std::size_t>(j)] += b.local()(i, j) * b.local()(i, j);
    }
  residual_sums = sum_columns(b, residual_sums);
  b_sums = sum_columns(b, b_sums);
  std::vector<double> relative(residual_sums.size());
  for (std::size_t j = 0; j < relative.size(); ++j)
    relative[j] = std::sqrt(residual_sums[j]) / (b_sums[j] > 0 ? std::sqrt(b_sums[j]) : 1.0);
  return relative;
}

}  // namespace widegram::solvers
