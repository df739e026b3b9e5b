#include "solvers/block_cg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "solvers/block_cg_cycle.hpp"

namespace widegram::solvers {
namespace {

/// The recurrence aims a little lower than the true residual has to come.
constexpr double aim = 0.9;
/// Below this share of b the recurrence says nothing any more.
constexpr double pointless = 1e-17;
/// A restart must bring the residuals down to this share at least to be worth another one.
constexpr double worthwhile = 0.5;

class Solver {
 public:
  Solver(const BlockSystem& system, MatrixView<const double> b, MatrixView<double> x,
         const BlockCgLimits& limits, const BlockCgHooks& hooks)
      : system_(system), b_(b), x_(x), cycle_(system, limits, hooks, columns_, x) {
    columns_.sizes = column_norms(system.comm, b);
    columns_.residuals = columns_.sizes;
    for (const double size : columns_.sizes) {
      columns_.targets.push_back(std::max(limits.tolerance * size, limits.absolute));
      columns_.floors.push_back(std::max(aim * columns_.targets.back(), pointless * size));
    }
    if (hooks.initial != nullptr) {
      for (Index j = 0; j < x.cols; ++j) std::copy_n(hooks.initial->x.column(j), x.rows, x.column(j));
      cycle_.resume(*hooks.initial);
    }
    for (Index j = 0; j < x.cols; ++j)
      if (columns_.sizes[static_cast<std::size_t>(j)] == 0) std::fill_n(x.column(j), x.rows, 0.0);
  }

  BlockCgResult run() {
    Matrix<double> r = true_residual();
    double worst = worst_residual();
    for (Index restarts = 0;; ++restarts) {
      if (!std::isfinite(worst)) return result(BlockCgStatus::not_finite, restarts);
      if (worst <= 1) return result(BlockCgStatus::converged, restarts);
      const Matrix<double> before = beside(x_, {});
      const BlockCgStatus end = cycle_.run(r);
      if (end == BlockCgStatus::stopped || end == BlockCgStatus::not_finite) return result(end, restarts);
      r = true_residual();
      const double now = worst_residual();
      if (now <= 1) return result(BlockCgStatus::converged, restarts);
      if (end == BlockCgStatus::max_iterations) {
        cycle_.save();
        return result(end, restarts);
      }
      cycle_.forget_directions();
      const bool better = now <= worthwhile * worst;
      if (!(now <= worst)) restore(before);
      if (end == BlockCgStatus::indefinite || end == BlockCgStatus::indefinite_preconditioner)
        return result(end, restarts);
      if (!better) {
        cycle_.save();
        return result(BlockCgStatus::stagnated, restarts);
      }
      worst = now;
    }
  }

 private:
  /// b - A x, and its norms. No product where x is zero, as it is at first.
  Matrix<double> true_residual() {
    const std::vector<double> x_norms = column_norms(system_.comm, x_);
    Matrix<double> r(b_.rows, b_.cols);
    if (std::any_of(x_norms.begin(), x_norms.end(), [](double norm) { return norm != 0; }))
      system_.multiply(x_, r.view());
    for (Index j = 0; j < r.cols(); ++j)
      for (Index i = 0; i < r.rows(); ++i) r(i, j) = b_(i, j) - r(i, j);
    columns_.residuals = column_norms(system_.comm, r.view());
    return r;
  }

  /// The largest residual against its target; not a number where one is not finite.
  double worst_residual() const {
    double worst = 0;
    for (std::size_t j = 0; j < columns_.residuals.size(); ++j) {
      if (!std::isfinite(columns_.residuals[j])) return std::numeric_limits<double>::quiet_NaN();
      if (columns_.residuals[j] > columns_.targets[j])
        worst = std::max(
            worst, std::min(columns_.residuals[j] / columns_.targets[j], std::numeric_limits<double>::max()));
    }
    return worst;
  }

  void restore(const Matrix<double>& before) {
    for (Index j = 0; j < x_.cols; ++j) std::copy_n(before.column(j), x_.rows, x_.column(j));
    true_residual();
  }

  BlockCgResult result(BlockCgStatus status, Index restarts) const {
    BlockCgResult result{.status = status, .iterations = cycle_.iterations(), .restarts = restarts};
    for (std::size_t j = 0; j < columns_.sizes.size(); ++j)
      result.residuals.push_back(columns_.residuals[j] / (columns_.sizes[j] > 0 ? columns_.sizes[j] : 1.0));
    return result;
  }

  const BlockSystem& system_;
  MatrixView<const double> b_;
  MatrixView<double> x_;
  BlockColumns columns_;
  BlockCgCycle cycle_;
};

}  // namespace

BlockCgResult block_cg(const BlockSystem& system, MatrixView<const double> b, MatrixView<double> x,
                       const BlockCgLimits& limits, const BlockCgHooks& hooks) {
  if (b.cols == 0) return {};
  return Solver(system, b, x, limits, hooks).run();
}

}  // namespace widegram::solvers
