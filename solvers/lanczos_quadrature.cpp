#include "solvers/lanczos_quadrature.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "solvers/block_algebra.hpp"
#include "solvers/checks.hpp"
#include "solvers/lapack.hpp"
#include "src/base/random.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t probe_stream = 7;
constexpr Index check_every = 5;
constexpr double negligible_change = 0.05;

/// Lanczos' tridiagonal matrix of one probe.
struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> off_diagonal;
  bool ended = false;  ///< its Krylov space is invariant: the quadrature is exact
};

/// e_1^T log(T + ridge I) e_1.
double first_entry_of_log(Tridiagonal t, double ridge) {
  const auto m = static_cast<int>(t.diagonal.size());
  std::vector<double> vectors(t.diagonal.size() * t.diagonal.size());
  std::vector<double> work(std::max<std::size_t>(1, 2 * t.diagonal.size()));
  int info = 0;
  dsteqr_("I", &m, t.diagonal.data(), t.off_diagonal.data(), vectors.data(), &m, work.data(), &info);
  if (info != 0) throw std::logic_error("LAPACK's dsteqr fails on Lanczos' tridiagonal matrix");
  double sum = 0;
  for (std::size_t j = 0; j < t.diagonal.size(); ++j) {
    const double first = vectors[j * t.diagonal.size()];
    const double value = t.diagonal[j] + ridge;
    if (!(value > 0))
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format(
              "the Gram matrix with {:.6g} added to its diagonal is not positive definite: it has a Ritz "
              "value of {:.3g}, so it has no log determinant. A ridge that helps is above {:.2g}",
              ridge, t.diagonal[j], -1.1 * t.diagonal[j]));
    sum += first * first * std::log(value);
  }
  return sum;
}

/// The Lanczos processes of all probes, in step.
class Processes {
 public:
  Processes(const dist::LinearOperator& a, const QuadratureOptions& options)
      : a_(a),
        probes_(options.probes),
        most_(std::min(options.max_steps, a.size())),
        rows_(a.part().size()),
        basis_(rows_, probes_ * most_),
        w_(rows_, probes_),
        t_(static_cast<std::size_t>(probes_)) {
    const CounterRandom random(options.seed, probe_stream);
    const auto first = static_cast<std::uint64_t>(a.part().begin);
    const double size = 1.0 / std::sqrt(static_cast<double>(a.size()));
    for (Index q = 0; q < probes_; ++q)
      for (Index i = 0; i < rows_; ++i)
        basis_(i, q) =
            (random.bits(first + static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(q))[0] & 1U)
                ? size
                : -size;
  }

  Index steps() const { return steps_; }
  Index most() const { return most_; }
  bool ended() const {
    return std::all_of(t_.begin(), t_.end(), [](const Tridiagonal& t) { return t.ended; });
  }
  const std::vector<Tridiagonal>& tridiagonals() const { return t_; }

  void step() {
    const MatrixView<const double> last =
        basis_.view().block({0, rows_}, {steps_ * probes_, (steps_ + 1) * probes_});
    a_.apply(last, w_.view());
    ++steps_;
    std::vector<double> alpha = orthogonalise();
    const std::vector<double> rest = orthogonalise();  // what rounding left
    std::transform(alpha.begin(), alpha.end(), rest.begin(), alpha.begin(), std::plus<>());
    const std::vector<double> beta = column_norms(a_.comm().handle(), w_.view());
    const double rounding = static_cast<double>(a_.size()) * std::numeric_limits<double>::epsilon();
    for (Index q = 0; q < probes_; ++q) {
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

 private:
  /// Takes from each column of w what lies along its probe's vectors; returns how much lay along the last
  /// one.
  std::vector<double> orthogonalise() {
    std::vector<double> along(static_cast<std::size_t>(steps_ * probes_));
    const int rows = to_int(rows_, "rows of a rank");
    const int cols = to_int(steps_, "steps");
    const int stride = to_int(std::max<Index>(1, rows_ * probes_), "entries of a block of probes on a rank");
    for (Index q = 0; q < probes_ && rows > 0; ++q)
      cblas_dgemv(CblasColMajor, CblasTrans, rows, cols, 1.0, basis_.column(q), stride, w_.column(q), 1, 0.0,
                  along.data() + q * steps_, 1);
    a_.comm().all_reduce(std::span<double>(along), MPI_SUM);
    take_from_root(a_.comm().handle(), along);
    std::vector<double> last;
    for (Index q = 0; q < probes_; ++q) {
      if (rows > 0)
        cblas_dgemv(CblasColMajor, CblasNoTrans, rows, cols, -1.0, basis_.column(q), stride,
                    along.data() + q * steps_, 1, 1.0, w_.column(q), 1);
      last.push_back(along[static_cast<std::size_t>((q + 1) * steps_ - 1)]);
    }
    return last;
  }

  /// The next vectors; zero where a probe has ended.
  void append(const std::vector<double>& norms) {
    for (Index q = 0; q < probes_; ++q) {
      const auto probe = static_cast<std::size_t>(q);
      const double scale = t_[probe].ended ? 0.0 : 1.0 / norms[probe];
      std::transform(w_.column(q), w_.column(q) + rows_, basis_.column(steps_ * probes_ + q),
                     [scale](double value) { return scale * value; });
    }
  }

  const dist::LinearOperator& a_;
  Index probes_;
  Index most_;
  Index rows_;
  Matrix<double> basis_;  ///< step by step, a column a probe
  Matrix<double> w_;
  std::vector<Tridiagonal> t_;
  double scale_ = 0;  ///< about the norm of A
  Index steps_ = 0;
};

/// Mean over the probes and its standard error.
StochasticEstimate estimate(const Processes& processes, double ridge, GlobalIndex n) {
  std::vector<double> samples;
  for (const Tridiagonal& t : processes.tridiagonals())
    samples.push_back(static_cast<double>(n) * first_entry_of_log(t, ridge));
  const auto count = static_cast<double>(samples.size());
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / count;
  double squares = 0;
  for (const double sample : samples) squares += (sample - mean) * (sample - mean);
  return {.value = mean,
          .standard_error = std::sqrt(squares / (count - 1) / count),
          .probes = static_cast<Index>(samples.size()),
          .steps = processes.steps()};
}

}  // namespace

StochasticEstimate stochastic_log_determinant(const dist::LinearOperator& a, double ridge,
                                              const QuadratureOptions& options) {
  check_ridge(ridge);
  if (options.probes < 2 || options.max_steps < 1)
    throw mpi::CollectiveError(
        ExitCode::usage, fmt::format("stochastic Lanczos quadrature with {} probes and {} steps: give at "
                                     "least 2 probes and 1 step",
                                     options.probes, options.max_steps));
  Processes processes = mpi::collectively(a.comm(), [&] { return Processes(a, options); });
  StochasticEstimate known{.lanczos_change = std::numeric_limits<double>::infinity()};
  bool compared = false;
  if (options.observer) options.observer(0, processes.most());
  while (true) {
    processes.step();
    if (options.observer) options.observer(processes.steps(), processes.most());
    const bool last = processes.ended() || processes.steps() == processes.most();
    if (!last && processes.steps() % check_every != 0) continue;
    StochasticEstimate now = estimate(processes, ridge, a.size());
    now.lanczos_change = processes.ended() ? 0.0
                         : compared        ? std::abs(now.value - known.value)
                                           : std::numeric_limits<double>::infinity();
    known = now;
    compared = true;
    if (last || known.lanczos_change <= negligible_change * known.standard_error) return known;
  }
}

}  // namespace widegram::solvers
