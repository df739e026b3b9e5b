#include "solvers/block_algebra.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "solvers/lapack.hpp"
#include "src/mpi/check.hpp"

namespace widegram::solvers {
namespace {

int blas(Index value) { return to_int(value, "extent of a block of vectors"); }
int leading(MatrixView<const double> a) { return blas(std::max<Index>(1, a.stride)); }

/// c <- alpha op(A) B + beta c.
void gemm(CBLAS_TRANSPOSE op, double alpha, MatrixView<const double> a, MatrixView<const double> b,
          double beta, MatrixView<double> c) {
  const Index inner = op == CblasNoTrans ? a.cols : a.rows;
  if (c.empty() || inner == 0) return;
  cblas_dgemm(CblasColMajor, op, CblasNoTrans, blas(c.rows), blas(c.cols), blas(inner), alpha, a.data,
              leading(a), b.data, leading(b), beta, c.data, leading(c));
}

/// s and t of the scaled g, column-major in one buffer: the rank, then k x k for each.
class SharedRank {
 public:
  explicit SharedRank(Index k) : k_(k), values_(static_cast<std::size_t>(1 + 2 * k * k)) {}
  double* s() { return values_.data() + 1; }
  double* t() { return s() + k_ * k_; }
  void set_rank(int rank) { values_[0] = rank; }
  void broadcast(MPI_Comm comm) {
    mpi::check(MPI_Bcast(values_.data(), blas(static_cast<Index>(values_.size())), MPI_DOUBLE, 0, comm));
  }
  RankRevealed result() {
    const auto rank = static_cast<Index>(values_[0]);
    RankRevealed revealed{Matrix<double>(rank, k_), Matrix<double>(k_, rank)};
    for (Index j = 0; j < k_; ++j)
      for (Index i = 0; i < rank; ++i) {
        revealed.s(i, j) = s()[i + j * k_];
        revealed.t(j, i) = t()[j + i * k_];
      }
    return revealed;
  }

 private:
  Index k_;
  std::vector<double> values_;
};

void factor_scaled(const Matrix<double>& g, double tolerance, SharedRank& out) {
  const Index k = g.rows();
  const int n = blas(k);
  std::vector<double> scale(static_cast<std::size_t>(k));
  for (Index i = 0; i < k; ++i)
    scale[static_cast<std::size_t>(i)] = g(i, i) > 0 ? 1.0 / std::sqrt(g(i, i)) : 0.0;
  Matrix<double> u(k, k);
  for (Index j = 0; j < k; ++j)
    for (Index i = 0; i < k; ++i)
      u(i, j) = g(i, j) * scale[static_cast<std::size_t>(i)] * scale[static_cast<std::size_t>(j)];
  std::vector<int> pivots(static_cast<std::size_t>(k));
  std::vector<double> work(static_cast<std::size_t>(2 * k));
  int rank = 0;
  int info = 0;
  dpstrf_("U", &n, u.data(), &n, pivots.data(), &rank, &tolerance, work.data(), &info);
  out.set_rank(rank);
  for (Index j = 0; j < k; ++j) {
    const Index place = pivots[static_cast<std::size_t>(j)] - 1;
    const double factor = scale[static_cast<std::size_t>(place)];
    for (Index i = 0; i < std::min<Index>(j + 1, rank); ++i)
      out.s()[i + place * k] = factor > 0 ? u(i, j) / factor : 0.0;
  }
  dtrtri_("U", "N", &rank, u.data(), &n, &info);
  if (rank > 0 && info != 0) throw std::logic_error("LAPACK's dtrtri fails on a pivoted Cholesky factor");
  for (Index i = 0; i < rank; ++i)
    for (Index j = 0; j <= i; ++j) {
      const Index place = pivots[static_cast<std::size_t>(j)] - 1;
      out.t()[place + i * k] = u(j, i) * scale[static_cast<std::size_t>(place)];
    }
}

}  // namespace

Matrix<double> product(MatrixView<const double> a, MatrixView<const double> b) {
  Matrix<double> c(a.rows, b.cols);
  gemm(CblasNoTrans, 1.0, a, b, 0.0, c.view());
  return c;
}

Matrix<double> inner_products(MatrixView<const double> a, MatrixView<const double> b) {
  Matrix<double> c(a.cols, b.cols);
  gemm(CblasTrans, 1.0, a, b, 0.0, c.view());
  return c;
}

void add_product(MatrixView<double> y, double scale, MatrixView<const double> a, MatrixView<const double> b) {
  gemm(CblasNoTrans, scale, a, b, 1.0, y);
}

Matrix<double> transposed(const Matrix<double>& a) {
  Matrix<double> t(a.cols(), a.rows());
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) t(j, i) = a(i, j);
  return t;
}

Matrix<double> chosen_columns(MatrixView<const double> a, std::span<const Index> chosen) {
  Matrix<double> out(a.rows, static_cast<Index>(chosen.size()));
  for (std::size_t j = 0; j < chosen.size(); ++j)
    std::copy_n(a.column(chosen[j]), a.rows, out.column(static_cast<Index>(j)));
  return out;
}

Matrix<double> beside(MatrixView<const double> a, MatrixView<const double> b) {
  Matrix<double> out(a.rows, a.cols + b.cols);
  for (Index j = 0; j < a.cols; ++j) std::copy_n(a.column(j), a.rows, out.column(j));
  for (Index j = 0; j < b.cols; ++j) std::copy_n(b.column(j), b.rows, out.column(a.cols + j));
  return out;
}

Matrix<double> squares(MatrixView<const double> a) {
  Matrix<double> sums(1, a.cols);
  for (Index j = 0; j < a.cols; ++j) sums(0, j) = cblas_ddot(blas(a.rows), a.column(j), 1, a.column(j), 1);
  return sums;
}

void FusedSum::reduce(MPI_Comm comm) {
  mpi::check(MPI_Allreduce(MPI_IN_PLACE, values_.data(), blas(static_cast<Index>(values_.size())), MPI_DOUBLE,
                           MPI_SUM, comm));
}

Matrix<double> FusedSum::take(Index rows, Index cols) {
  Matrix<double> out(rows, cols);
  const auto count = static_cast<std::size_t>(rows * cols);
  std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(next_), count, out.data());
  next_ += count;
  return out;
}

bool FusedSum::finite() const {
  return std::all_of(values_.begin(), values_.end(), [](double value) { return std::isfinite(value); });
}

void take_from_root(MPI_Comm comm, std::vector<double>& values) {
  mpi::check(MPI_Bcast(values.data(), blas(static_cast<Index>(values.size())), MPI_DOUBLE, 0, comm));
}

std::vector<double> column_norms(MPI_Comm comm, MatrixView<const double> a) {
  FusedSum sum;
  sum.add(squares(a));
  sum.reduce(comm);
  const Matrix<double> total = sum.take(1, a.cols);
  std::vector<double> norms(total.data(), total.data() + a.cols);
  for (double& norm : norms) norm = std::sqrt(norm);
  take_from_root(comm, norms);
  return norms;
}

bool has_eigenvalue_below(MPI_Comm comm, Matrix<double> a, double shift) {
  const int n = blas(a.rows());
  for (Index i = 0; i < a.rows(); ++i) a(i, i) += shift;
  int info = 0;
  dpotrf_("L", &n, a.data(), &n, &info);
  std::vector<double> answer{info != 0 ? 1.0 : 0.0};
  take_from_root(comm, answer);
  return answer[0] != 0;
}

RankRevealed reveal_rank(MPI_Comm comm, const Matrix<double>& g, double tolerance) {
  if (g.rows() == 0) return {Matrix<double>(0, 0), Matrix<double>(0, 0)};
  int rank = 0;
  mpi::check(MPI_Comm_rank(comm, &rank));
  SharedRank shared(g.rows());
  if (rank == 0) factor_scaled(g, tolerance, shared);
  shared.broadcast(comm);
  return shared.result();
}

std::vector<double> symmetric_eigen(Matrix<double>& a) {
  const int n = blas(a.rows());
  std::vector<double> values(static_cast<std::size_t>(a.rows()));
  if (n == 0) return values;
  int info = 0;
  const int query = -1;
  double work_size = 0;
  int iwork_size = 0;
  dsyevd_("V", "U", &n, a.data(), &n, values.data(), &work_size, &query, &iwork_size, &query, &info);
  std::vector<double> work(static_cast<std::size_t>(work_size));
  std::vector<int> iwork(static_cast<std::size_t>(iwork_size));
  const int work_length = static_cast<int>(work.size());
  dsyevd_("V", "U", &n, a.data(), &n, values.data(), work.data(), &work_length, iwork.data(), &iwork_size,
          &info);
  if (info != 0) throw std::logic_error("LAPACK's dsyevd does not converge");
  return values;
}

Matrix<double> orthogonal_basis(const Matrix<double>& c) {
  const int r = blas(c.rows());
  const int s = blas(c.cols());
  Matrix<double> q(c.rows(), c.rows());
  std::copy_n(c.data(), c.rows() * c.cols(), q.data());
  std::vector<double> tau(static_cast<std::size_t>(std::max<Index>(1, c.cols())));
  std::vector<double> work(static_cast<std::size_t>(64 * std::max<Index>(1, c.rows())));
  const int work_length = static_cast<int>(work.size());
  int info = 0;
  dgeqrf_(&r, &s, q.data(), &r, tau.data(), work.data(), &work_length, &info);
  dorgqr_(&r, &r, &s, q.data(), &r, tau.data(), work.data(), &work_length, &info);
  return q;
}

}  // namespace widegram::solvers
