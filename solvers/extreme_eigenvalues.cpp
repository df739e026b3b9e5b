#include "solvers/extreme_eigenvalues.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "solvers/lapack.hpp"
#include "src/base/matrix.hpp"
#include "src/base/random.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t start_stream = 5;

/// Ends of the spectrum of the tridiagonal matrix, and the last entry of the lower end's eigenvector.
struct RitzEnds {
  double smallest = 0;
  double smallest_last = 0;
  double largest = 0;
};

RitzEnds ritz_ends(std::vector<double> diagonal, std::vector<double> off_diagonal) {
  const auto m = static_cast<int>(diagonal.size());
  std::vector<double> vectors(diagonal.size() * diagonal.size());
  std::vector<double> work(std::max<std::size_t>(1, 2 * diagonal.size()));
  int info = 0;
  dsteqr_("I", &m, diagonal.data(), off_diagonal.data(), vectors.data(), &m, work.data(), &info);
  if (info != 0) throw std::logic_error("LAPACK's dsteqr fails on Lanczos' tridiagonal matrix");
  return {diagonal.front(), vectors[diagonal.size() - 1], diagonal.back()};
}

/// The orthonormal vectors so far, in parts.
class Basis {
 public:
  Basis(const mpi::Communicator& comm, Index part, Index most) : comm_(comm), vectors_(part, most) {}

  Index count() const { return count_; }
  MatrixView<const double> last() const {
    return {vectors_.column(count_ - 1), vectors_.rows(), 1, std::max<Index>(1, vectors_.rows())};
  }
  void append(const std::vector<double>& w, double norm) {
    std::transform(w.begin(), w.end(), vectors_.column(count_++), [&](double value) { return value / norm; });
  }
  double norm(const std::vector<double>& w) const {
    return std::sqrt(comm_.sum(cblas_ddot(static_cast<int>(w.size()), w.data(), 1, w.data(), 1)));
  }
  /// Takes from w what lies along the basis; returns how much lay along its last vector.
  double remove_from(std::vector<double>& w) const {
    const auto rows = static_cast<int>(w.size());
    const auto cols = static_cast<int>(count_);
    std::vector<double> along(static_cast<std::size_t>(count_));
    if (rows > 0)
      cblas_dgemv(CblasColMajor, CblasTrans, rows, cols, 1.0, vectors_.data(), rows, w.data(), 1, 0.0,
                  along.data(), 1);
    comm_.all_reduce(std::span<double>(along), MPI_SUM);
    if (rows > 0)
      cblas_dgemv(CblasColMajor, CblasNoTrans, rows, cols, -1.0, vectors_.data(), rows, along.data(), 1, 1.0,
                  w.data(), 1);
    return along.back();
  }

 private:
  const mpi::Communicator& comm_;
  Matrix<double> vectors_;
  Index count_ = 0;
};

}  // namespace

ExtremeEigenvalues extreme_eigenvalues(const dist::LinearOperator& a, Index max_steps) {
  constexpr Index check_every = 10;
  constexpr double relative_accuracy = 0.01;
  const double rounding = static_cast<double>(a.size()) * std::numeric_limits<double>::epsilon();
  const Range part = a.part();
  const Index most = std::min(max_steps, a.size());
  Basis basis(a.comm(), part.size(), most);
  std::vector<double> w(static_cast<std::size_t>(part.size()));
  const CounterRandom random(0, start_stream);
  for (Index i = 0; i < part.size(); ++i)
    w[static_cast<std::size_t>(i)] = 2.0 * random.uniform(static_cast<std::uint64_t>(part.begin + i)) - 1.0;
  std::vector<double> diagonal;
  std::vector<double> off_diagonal;
  ExtremeEigenvalues ends;
  double scale = 0;  // about the norm of the matrix
  for (double beta = basis.norm(w); basis.count() < most;) {
    basis.append(w, beta);
    a.apply(basis.last(), {w.data(), part.size(), 1, std::max<Index>(1, part.size())});
    double alpha = basis.remove_from(w);
    alpha += basis.remove_from(w);  // the second time removes what rounding left
    beta = basis.norm(w);
    diagonal.push_back(alpha);
    off_diagonal.push_back(beta);
    ends.steps = basis.count();
    scale = std::max({scale, std::abs(alpha), beta});
    const bool invariant = beta <= rounding * scale;
    if (!invariant && ends.steps < most && ends.steps % check_every != 0) continue;
    const RitzEnds ritz = ritz_ends(diagonal, off_diagonal);
    ends.smallest = ritz.smallest;
    ends.smallest_error = ends.steps == a.size() ? 0.0 : beta * std::abs(ritz.smallest_last);
    ends.largest = ritz.largest;
    if (invariant ||
        ends.smallest_error <= std::max(relative_accuracy * std::abs(ritz.smallest), rounding * scale))
      break;
  }
  return ends;
}

}  // namespace widegram::solvers
