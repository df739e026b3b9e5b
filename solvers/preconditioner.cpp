#include "solvers/preconditioner.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "solvers/block_algebra.hpp"
#include "solvers/lapack.hpp"
#include "solvers/low_rank.hpp"
#include "src/base/timer.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

/// The least ridge, against the trace, that x - B B^T x bears without rounding making it indefinite.
constexpr double least_ridge = 1e-12;
/// Eigenvalues of F F^T below this share of the largest are rounding.
constexpr double rounding = 1e-13;
/// Where a Nystroem approximation that grows starts.
constexpr Index first_rank = 32;

/// F^T F over all ranks, its upper triangle.
Matrix<double> gram_of(const mpi::Communicator& comm, const Matrix<double>& f) {
  const int r = to_int(f.cols(), "rank of the preconditioner");
  Matrix<double> gram(f.cols(), f.cols());
  if (f.rows() > 0 && r > 0)
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, r, to_int(f.rows(), "rows"), 1.0, f.data(),
                static_cast<int>(f.rows()), 0.0, gram.data(), r);
  comm.all_reduce(std::span<double>(gram.data(), static_cast<std::size_t>(f.cols() * f.cols())), MPI_SUM);
  return gram;
}

double trace_of(const Matrix<double>& gram) {
  double trace = 0;
  for (Index i = 0; i < gram.rows(); ++i) trace += gram(i, i);
  return trace;
}

/// B = F U^-1 with U^T U = F^T F + ridge I.
Matrix<double> woodbury(Matrix<double> f, Matrix<double> gram, double ridge) {
  const int r = to_int(f.cols(), "rank of the preconditioner");
  for (Index i = 0; i < gram.rows(); ++i) gram(i, i) += ridge;
  int info = 0;
  dpotrf_("U", &r, gram.data(), &r, &info);
  if (info != 0) throw std::logic_error("a low-rank factor's Gram plus a ridge is not positive definite");
  if (f.rows() > 0)
    cblas_dtrsm(CblasColMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, to_int(f.rows(), "rows"),
                r, 1.0, gram.data(), r, f.data(), static_cast<int>(f.rows()));
  return f;
}

/// Eigenvalues of F F^T, ascending, and the vectors of F^T F; rank 0 computes for all, since vectors that
/// differ between processors do not go together.
struct Spectrum {
  std::vector<double> values;
  Matrix<double> vectors;
};

Spectrum spectrum_of(const mpi::Communicator& comm, Matrix<double> gram) {
  Spectrum spectrum{std::vector<double>(static_cast<std::size_t>(gram.rows())), std::move(gram)};
  if (comm.is_root()) spectrum.values = symmetric_eigen(spectrum.vectors);
  comm.broadcast(std::span<double>(spectrum.values));
  comm.broadcast(std::span<double>(
      spectrum.vectors.data(), static_cast<std::size_t>(spectrum.vectors.rows() * spectrum.vectors.cols())));
  return spectrum;
}

/// A Nystroem approximation with its eigenvalues.
struct Nystrom {
  LowRankFactor factor;
  Spectrum spectrum;

  /// Of the approximation, without the shift.
  double eigenvalue(std::size_t i) const { return std::max(0.0, spectrum.values[i] - factor.shift); }
  double smallest() const { return spectrum.values.empty() ? 0.0 : eigenvalue(0); }
  double trace() const {
    double sum = 0;
    for (std::size_t i = 0; i < spectrum.values.size(); ++i) sum += eigenvalue(i);
    return sum;
  }
};

Nystrom nystrom(const dist::LinearOperator& a, double trace, double ridge,
                const PreconditionerOptions& options, Index most) {
  Matrix<double> known(a.part().size(), 0);
  for (Index rank = options.tail > 0 ? std::min(first_rank, most) : most;; rank = std::min(2 * rank, most)) {
    LowRankFactor factor = options.kind == PreconditionerKind::nystrom
                               ? nystrom_by_sketch(a, trace, rank, options.seed, known)
                               : nystrom_by_columns(a, trace, rank, options.seed);
    Spectrum spectrum = spectrum_of(a.comm(), gram_of(a.comm(), factor.f));
    Nystrom result{std::move(factor), std::move(spectrum)};
    if (rank == most || result.smallest() <= options.tail * ridge) return result;
  }
}

/// B = U diag(sqrt(1 - w)), w = (lambda_r + ridge) / (lambda + ridge), with U = F V diag(values^-1/2).
Matrix<double> spectral(const Nystrom& from, double ridge) {
  const std::vector<double>& values = from.spectrum.values;
  Matrix<double> turned = from.spectrum.vectors;
  for (Index j = 0; j < turned.cols(); ++j) {
    const auto i = static_cast<std::size_t>(j);
    const double w = (from.smallest() + ridge) / (from.eigenvalue(i) + ridge);
    const double weight = values[i] > rounding * values.back() ? std::sqrt((1.0 - w) / values[i]) : 0.0;
    for (Index m = 0; m < turned.rows(); ++m) turned(m, j) *= weight;
  }
  return product(from.factor.f.view(), turned.view());
}

}  // namespace

std::string name_of(PreconditionerKind kind) {
  switch (kind) {
    case PreconditionerKind::nystrom:
      return "nystrom";
    case PreconditionerKind::nystrom_columns:
      return "nystrom-columns";
    case PreconditionerKind::rpcholesky:
      return "rpcholesky";
    case PreconditionerKind::none:
      break;
  }
  return "none";
}

Preconditioner::Preconditioner(const dist::LinearOperator& a, double ridge,
                               const PreconditionerOptions& options)
    : comm_(a.comm()) {
  const Timer timer;
  if (options.rank < 1)
    throw mpi::CollectiveError(
        ExitCode::usage, fmt::format("preconditioner_rank = {}: give a number from 1 up", options.rank));
  const Index rank = std::min(options.rank, a.size());
  const Diagonal diagonal = checked_diagonal(a);
  const double borne = std::max(ridge, least_ridge * diagonal.trace);
  report_.kind = name_of(options.kind);
  if (options.kind == PreconditionerKind::rpcholesky) {
    LowRankFactor factor = randomly_pivoted_cholesky(a, diagonal, rank, options.tail * ridge, options.seed);
    Matrix<double> gram = gram_of(comm_, factor.f);
    const double held = trace_of(gram);
    report_.trace_share = held / diagonal.trace;
    report_.landmarks = std::move(factor.landmarks);
    // What was not caught has this eigenvalue on the average; what was must not come out below it.
    const auto rest = static_cast<double>(std::max<Index>(1, a.size() - factor.f.cols()));
    const double shift = std::max(borne, (diagonal.trace - held) / rest);
    b_ = woodbury(std::move(factor.f), std::move(gram), shift);
  } else {
    Nystrom approximation = nystrom(a, diagonal.trace, borne, options, rank);
    report_.trace_share = approximation.trace() / diagonal.trace;
    b_ = spectral(approximation, borne);
    report_.landmarks = std::move(approximation.factor.landmarks);
  }
  report_.rank = b_.cols();
  report_.seconds = timer.seconds();
}

void Preconditioner::apply(MatrixView<const double> x, MatrixView<double> y) const {
  Matrix<double> along = inner_products(b_.view(), x);
  comm_.all_reduce(std::span<double>(along.data(), static_cast<std::size_t>(along.rows() * along.cols())),
                   MPI_SUM);
  for (Index j = 0; j < x.cols; ++j) std::copy_n(x.column(j), x.rows, y.column(j));
  add_product(y, -1.0, b_.view(), along.view());
}

}  // namespace widegram::solvers
