#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// Lanczos' tridiagonal matrix of one process.
struct Tridiagonal {
  std::vector<double> diagonal{};
  std::vector<double>
      off_diagonal{};  ///< as many: the last one is the norm of what the next step starts from
  bool ended = false;  ///< the Krylov space is invariant, and all of this exact
};

/// Its eigenvalues and eigenvectors.
struct RitzPairs {
  std::vector<double> values;  ///< ascending
  Matrix<double> vectors;      ///< a column each

  Index size() const { return vectors.rows(); }
  double first(Index j) const { return vectors(0, j); }
  double last(Index j) const { return vectors(size() - 1, j); }
};

/// m^3 flops times about 6. Throws std::logic_error where LAPACK fails.
RitzPairs ritz_pairs(const Tridiagonal& t);

/// The Lanczos processes of several starting vectors, in step, each in a Krylov space of its own, with full
/// reorthogonalisation. Construction and all members but those that only tell are collective over a.comm().
/// Each rank holds its part of `starts` times the steps taken so far. Source: Golub and Van Loan, Matrix
/// Computations, 4th ed., section 10.1.
class LanczosProcesses {
 public:
  /// a: symmetric, outlives this. starts: this rank's rows, a vector a column; one of zeros has ended before
  /// it begins. max_steps: at most the size of a.
  LanczosProcesses(const dist::LinearOperator& a, MatrixView<const double> starts, Index max_steps);

  Index starts() const { return starts_; }
  Index steps() const { return steps_; }
  Index most() const { return most_; }
  bool ended() const;
  const std::vector<Tridiagonal>& tridiagonals() const { return t_; }
  /// Norms of the starting vectors.
  const std::vector<double>& norms() const { return norms_; }

  /// One product of A with the newest vectors of all processes; 8 n starts steps flops beside it. Not beyond
  /// most().
  void step();

  /// y <- y + V c of one process, whose vectors are V; c: as many numbers as it has taken steps. Local; y:
  /// this rank's rows. 2 n steps flops.
  void add_combination(Index process, const std::vector<double>& c, double* y) const;

 private:
  std::vector<double> orthogonalise();
  void append(const std::vector<double>& norms);
  double* column(Index step, Index process) const {
    return basis_.get() + (step * starts_ + process) * rows_;
  }
  int stride() const;

  const dist::LinearOperator& a_;
  Index starts_;
  Index most_;
  Index rows_;
  /// Step by step, a column a process. Not touched before it is filled: the memory comes as the steps do.
  std::unique_ptr<double[]> basis_;
  Matrix<double> w_;
  std::vector<Tridiagonal> t_;
  std::vector<double> norms_;
  double scale_ = 0;  ///< about the norm of A
  Index steps_ = 0;
};

}  // namespace widegram::solvers
