#include "solvers/krylov_training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "solvers/checks.hpp"
#include "solvers/eigen.hpp"
#include "src/base/random.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t start_stream = 8;
constexpr double negligible_ritz_residual = 1e-6;  // whose square is what the eigenvalue is off by

/// Steps until the next look at what has been reached, which costs a small eigendecomposition a column.
Index steps_to_next_check(Index steps) { return std::max<Index>(5, steps / 8); }

}  // namespace

/// The kernel between the samples that are fitted, as a matrix of all n: zero where one is held out. Rows of
/// held out samples are kept of every product, since that is what predicts them.
class KrylovTraining::FittedOperator : public dist::LinearOperator {
 public:
  FittedOperator(const dist::LinearOperator& a, std::span<const GlobalIndex> held_out) : a_(a) {
    const Range part = a.part();
    for (const GlobalIndex i : held_out)
      if (i >= part.begin && i < part.end) rows_.push_back(i - part.begin);
  }

  const mpi::Communicator& comm() const override { return a_.comm(); }
  const dist::Partition& layout() const override { return a_.layout(); }
  /// x: zero where a sample is held out.
  void apply(MatrixView<const double> x, MatrixView<double> y) const override {
    a_.apply(x, y);
    Matrix<double> kept(std::ssize(rows_), y.cols);
    for (Index k = 0; k < y.cols; ++k)
      for (Index i = 0; i < kept.rows(); ++i) {
        double& value = y(rows_[static_cast<std::size_t>(i)], k);
        kept(i, k) = std::exchange(value, 0.0);
      }
    kept_.push_back(std::move(kept));
  }
  std::vector<double> diagonal() const override {
    std::vector<double> part = a_.diagonal();
    for (const Index i : rows_) part[static_cast<std::size_t>(i)] = 0;
    return part;
  }
  Matrix<double> columns(std::span<const GlobalIndex> chosen) const override { return a_.columns(chosen); }

  void clear_rows(Matrix<double>& x) const {
    for (Index k = 0; k < x.cols(); ++k)
      for (const Index i : rows_) x(i, k) = 0;
  }
  /// y(held out) <- y + those rows of K times V c, of the process `column`.
  void add_held_out(Index column, const std::vector<double>& c, double* y) const {
    for (std::size_t step = 0; step < c.size(); ++step)
      for (std::size_t i = 0; i < rows_.size(); ++i)
        y[rows_[i]] += c[step] * kept_[step](static_cast<Index>(i), column);
  }

 private:
  const dist::LinearOperator& a_;
  std::vector<Index> rows_;  ///< held out, of this rank's
  mutable std::vector<Matrix<double>> kept_;
};

/// alpha(t) and K alpha(t) of one column in Lanczos' basis.
struct KrylovTraining::Expansion {
  std::vector<double> alpha;
  std::vector<double> product;
};

KrylovTraining::KrylovTraining(const dist::LinearOperator& a, MatrixView<const double> targets,
                               std::span<const GlobalIndex> held_out, std::span<const double> times,
                               const KrylovTrainingOptions& options)
    : options_(options),
      comm_(a.comm().duplicate()),
      layout_(a.layout()),
      samples_(static_cast<double>(targets.rows - std::ssize(held_out)) * static_cast<double>(targets.cols)),
      columns_(targets.cols),
      fitted_(std::make_unique<FittedOperator>(a, held_out)) {
  check_finite(targets, "the targets");
  const Range part = a.part();
  Matrix<double> starts(part.size(), columns_ + 1);
  for (Index k = 0; k < columns_; ++k)
    std::copy_n(targets.column(k) + part.begin, part.size(), starts.column(k));
  const CounterRandom random(0, start_stream);
  for (Index i = 0; i < part.size(); ++i)
    starts(i, columns_) = random.normal(static_cast<std::uint64_t>(part.begin + i));
  fitted_->clear_rows(starts);
  processes_ = std::make_unique<LanczosProcesses>(*fitted_, starts.view(), options.max_steps);
  const auto observe = [&](Index done) {
    if (options_.observer) options_.observer(done, processes_->most());
  };
  observe(0);
  for (Index next = steps_to_next_check(0);;) {
    if (options_.check_stop) options_.check_stop();
    processes_->step();
    observe(processes_->steps());
    const bool last = processes_->ended() || processes_->steps() == processes_->most();
    if (!last && processes_->steps() < next) continue;
    next = processes_->steps() + steps_to_next_check(processes_->steps());
    if (check(times)) break;
    if (last) give_up();
  }
  observe(processes_->most());
}

KrylovTraining::~KrylovTraining() = default;

const TrainingLaw& KrylovTraining::law() const { return *law_; }

Index KrylovTraining::steps() const { return processes_->steps(); }

/// Whether all times and the largest eigenvalue are known well enough, as the root sees it.
bool KrylovTraining::check(std::span<const double> times) {
  ritz_.clear();
  smallest_ = std::numeric_limits<double>::infinity();
  largest_ = -smallest_;
  for (Index q = 0; q <= columns_; ++q) {
    const Tridiagonal& t = processes_->tridiagonals()[static_cast<std::size_t>(q)];
    const RitzPairs& ritz = ritz_.emplace_back(ritz_pairs(t));
    if (ritz.size() == 0) continue;
    if (q < columns_) smallest_ = std::min(smallest_, ritz.values.front());
    if (ritz.values.back() <= largest_) continue;
    largest_ = ritz.values.back();
    largest_residual_ = t.ended ? 0.0 : t.off_diagonal.back() * std::abs(ritz.last(ritz.size() - 1));
  }
  const TrainingOptions& training = options_.training;
  law_.emplace(
      DynamicsOptions{.descent = training.descent,
                      .rate = training.rate.value_or(default_rate(largest_, training.ridge, samples_)),
                      .ridge = training.ridge},
      samples_);
  // Ritz values lie below the largest eigenvalue: what they refuse is refused for good.
  law_->check_stable(largest_);
  measure(times);
  const bool known =
      residual_ <= options_.tolerance && largest_residual_ <= negligible_ritz_residual * std::abs(largest_);
  return comm_.broadcast(known ? 1 : 0) != 0;
}

/// Residuals and errors of alpha(t) for each time and column.
void KrylovTraining::measure(std::span<const double> times) {
  residual_ = 0;
  coefficient_error_ = 0;
  const double least = std::max(smallest_ + law_->options().ridge, 0.0);
  for (const double t : times) {
    law_->check_time(t, largest_);
    const double longest = std::min(law_->options().rate * t / samples_, 1.0 / least);
    for (Index q = 0; q < columns_; ++q) {
      const Tridiagonal& of = processes_->tridiagonals()[static_cast<std::size_t>(q)];
      if (of.ended || t == 0) continue;
      const std::vector<double> alpha = expansion(q, t).alpha;
      const double left = of.off_diagonal.back() * std::abs(alpha.back());
      double size = 0;
      for (const double value : alpha) size += value * value;
      if (size > 0) coefficient_error_ = std::max(coefficient_error_, left * longest / std::sqrt(size));
      const double residual = left / processes_->norms()[static_cast<std::size_t>(q)];
      if (residual <= residual_) continue;
      residual_ = residual;
      worst_time_ = t;
    }
  }
}

KrylovTraining::Expansion KrylovTraining::expansion(Index column, double t) const {
  const RitzPairs& ritz = ritz_[static_cast<std::size_t>(column)];
  const Index m = ritz.size();
  Expansion in_basis{std::vector<double>(static_cast<std::size_t>(m)),
                     std::vector<double>(static_cast<std::size_t>(m))};
  if (m == 0) return in_basis;
  std::vector<double> weights;
  if (std::isinf(t)) weights = inverted(ritz.values, law_->options().ridge);
  for (Index j = 0; j < m; ++j) {
    const double value = ritz.values[static_cast<std::size_t>(j)];
    const double weight = std::isinf(t) ? weights[static_cast<std::size_t>(j)] : law_->weight(value, t);
    const double part = processes_->norms()[static_cast<std::size_t>(column)] * ritz.first(j) * weight;
    for (Index i = 0; i < m; ++i) {
      in_basis.alpha[static_cast<std::size_t>(i)] += part * ritz.vectors(i, j);
      in_basis.product[static_cast<std::size_t>(i)] += part * value * ritz.vectors(i, j);
    }
  }
  return in_basis;
}

Matrix<double> KrylovTraining::gathered(const Matrix<double>& part) const {
  return dist::gather_parts(comm_, layout_, part.view());
}

Matrix<double> KrylovTraining::coefficients(double t) const {
  law_->check_time(t, largest_);
  Matrix<double> part(layout_.range(comm_.rank()).size(), columns_);
  for (Index k = 0; k < columns_; ++k) processes_->add_combination(k, expansion(k, t).alpha, part.column(k));
  return gathered(part);
}

Matrix<double> KrylovTraining::outputs(double t) const {
  law_->check_time(t, largest_);
  Matrix<double> part(layout_.range(comm_.rank()).size(), columns_);
  for (Index k = 0; k < columns_; ++k) {
    const Expansion in_basis = expansion(k, t);
    processes_->add_combination(k, in_basis.product, part.column(k));
    fitted_->add_held_out(k, in_basis.alpha, part.column(k));
  }
  return gathered(part);
}

void KrylovTraining::give_up() const {
  std::string reason;
  const double least = smallest_ + law_->options().ridge;
  const double condition =
      least > 0 ? (largest_ + law_->options().ridge) / least : std::numeric_limits<double>::infinity();
  const double reach = std::numeric_limits<double>::epsilon() *
                       std::min(condition, 2.0 * law_->options().rate * worst_time_ * largest_ / samples_);
  reason =
      reach > options_.tolerance
          ? fmt::format(
                "its condition number of about {:.1e} is in the way in double precision: raise "
                "dynamics.ridge or dynamics.tolerance, or leave the longest times out",
                condition)
          : "raise dynamics.max_steps, dynamics.ridge or dynamics.tolerance, or leave the longest times out";
  throw mpi::CollectiveError(
      ExitCode::numerical,
      fmt::format("training by Lanczos has not converged: after {} steps the residual at t = {} is {:.2g}, "
                  "{:.2g} was asked for; {}",
                  processes_->steps(), worst_time_, residual_, options_.tolerance, reason));
}

}  // namespace widegram::solvers
