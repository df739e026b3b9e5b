#include "solvers/lanczos_process.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <stdexcept>

#include "solvers/block_algebra.hpp"
#include "solvers/lapack.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {

RitzPairs ritz_pairs(const Tridiagonal& t) {
  const auto m = to_int(std::ssize(t.diagonal), "Lanczos steps");
  RitzPairs pairs{t.diagonal, Matrix<double>(m, m)};
  std::vector<double> off_diagonal = t.off_diagonal;
  std::vector<double> work(std::max<std::size_t>(1, 2 * t.diagonal.size()));
  int info = 0;
  if (m > 0)
    dsteqr_("I", &m, pairs.values.data(), off_diagonal.data(), pairs.vectors.data(), &m, work.data(), &info);
  if (info != 0) throw std::logic_error("LAPACK's dsteqr fails on Lanczos' tridiagonal matrix");
  return pairs;
}

LanczosProcesses::LanczosProcesses(const dist::LinearOperator& a, MatrixView<const double> starts,
                                   Index max_steps)
    : a_(a),
      starts_(starts.cols),
      most_(std::min(max_steps, a.size())),
      rows_(a.part().size()),
      basis_(mpi::collectively(a.comm(),
                               [&] {
                                 return std::unique_ptr<double[]>(
                                     new double[static_cast<std::size_t>(rows_ * starts_ * most_)]);
                               })),
      w_(rows_, starts_),
      t_(static_cast<std::size_t>(starts_)),
      norms_(column_norms(a.comm().handle(), starts)) {
  for (Index q = 0; q < starts_; ++q) {
    std::copy_n(starts.column(q), rows_, w_.column(q));
    t_[static_cast<std::size_t>(q)].ended = !(norms_[static_cast<std::size_t>(q)] > 0);
  }
  append(norms_);
}

bool LanczosProcesses::ended() const {
  return std::all_of(t_.begin(), t_.end(), [](const Tridiagonal& t) { return t.ended; });
}

int LanczosProcesses::stride() const {
  return to_int(std::max<Index>(1, rows_ * starts_), "entries of a block of Lanczos vectors on a rank");
}

void LanczosProcesses::step() {
  a_.apply({column(steps_, 0), rows_, starts_, std::max<Index>(1, rows_)}, w_.view());
  ++steps_;
  std::vector<double> alpha = orthogonalise();
  const std::vector<double> rest = orthogonalise();  // what rounding left
  std::transform(alpha.begin(), alpha.end(), rest.begin(), alpha.begin(), std::plus<>());
  const std::vector<double> beta = column_norms(a_.comm().handle(), w_.view());
  const double rounding = static_cast<double>(a_.size()) * std::numeric_limits<double>::epsilon();
  for (Index q = 0; q < starts_; ++q) {
    Tridiagonal& t = t_[static_cast<std::size_t>(q)];
    if (t.ended) continue;
    const double b = beta[static_cast<std::size_t>(q)];
    t.diagonal.push_back(alpha[static_cast<std::size_t>(q)]);
    t.off_diagonal.push_back(b);
    scale_ = std::max({scale_, std::abs(t.diagonal.back()), b});
    t.ended = b <= rounding * scale_ || steps_ == a_.size();
  }
  if (steps_ < most_) append(beta);
}

/// Takes from each column of w what lies along its process's vectors; returns how much lay along the last
/// one.
std::vector<double> LanczosProcesses::orthogonalise() {
  std::vector<double> along(static_cast<std::size_t>(steps_ * starts_));
  const int rows = to_int(rows_, "rows of a rank");
  const int cols = to_int(steps_, "steps");
  for (Index q = 0; q < starts_ && rows > 0; ++q)
    cblas_dgemv(CblasColMajor, CblasTrans, rows, cols, 1.0, column(0, q), stride(), w_.column(q), 1, 0.0,
                along.data() + q * steps_, 1);
  a_.comm().all_reduce(std::span<double>(along), MPI_SUM);
  take_from_root(a_.comm().handle(), along);
  std::vector<double> last;
  for (Index q = 0; q < starts_; ++q) {
    if (rows > 0)
      cblas_dgemv(CblasColMajor, CblasNoTrans, rows, cols, -1.0, column(0, q), stride(),
                  along.data() + q * steps_, 1, 1.0, w_.column(q), 1);
    last.push_back(along[static_cast<std::size_t>((q + 1) * steps_ - 1)]);
  }
  return last;
}

/// The next vectors; zero where a process has ended.
void LanczosProcesses::append(const std::vector<double>& norms) {
  for (Index q = 0; q < starts_; ++q) {
    const auto process = static_cast<std::size_t>(q);
    const double scale = t_[process].ended ? 0.0 : 1.0 / norms[process];
    std::transform(w_.column(q), w_.column(q) + rows_, column(steps_, q),
                   [scale](double value) { return scale * value; });
  }
}

void LanczosProcesses::add_combination(Index process, const std::vector<double>& c, double* y) const {
  if (rows_ == 0 || c.empty()) return;
  cblas_dgemv(CblasColMajor, CblasNoTrans, to_int(rows_, "rows of a rank"), to_int(std::ssize(c), "steps"),
              1.0, column(0, process), stride(), c.data(), 1, 1.0, y, 1);
}

}  // namespace widegram::solvers
