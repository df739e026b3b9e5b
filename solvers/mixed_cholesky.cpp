#include "solvers/mixed_cholesky.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "solvers/checks.hpp"
#include "solvers/columns.hpp"
#include "src/base/timer.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/scalapack.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

DistributedMatrix<double> zeros_like(const DistributedMatrix<double>& b) {
  DistributedMatrix<double> x(b.grid(), b.rows(), b.cols(), b.block());
  x.fill(0.0);
  return x;
}

/// Calls f(local row, local column, global column) for every entry that this rank holds.
template <class F>
void for_each_entry(const DistributedMatrix<double>& a, F&& f) {
  for (LocalIndex j = 0; j < a.local_cols(); ++j) {
    const auto global = static_cast<std::size_t>(a.global_col(j));
    for (LocalIndex i = 0; i < a.local_rows(); ++i) f(i, j, global);
  }
}

/// y <- y + scale x, a scale a column.
void add_scaled(DistributedMatrix<double>& y, const std::vector<double>& scale,
                const DistributedMatrix<double>& x) {
  for_each_entry(y, [&](LocalIndex i, LocalIndex j, std::size_t column) {
    y.local()(i, j) += scale[column] * x.local()(i, j);
  });
}

std::vector<double> roots(std::vector<double> squares) {
  for (double& value : squares) value = std::sqrt(value);
  return squares;
}

/// The float32 factor of (A + ridge I) / scale, or why there is none.
class FloatFactor {
 public:
  FloatFactor(const DistributedMatrix<double>& a, double ridge, const WorkObserver& observer)
      : factor_(a.grid(), a.rows(), a.cols(), a.block()) {
    const double scale = dist::mean_diagonal(a);
    if (!(scale > 0)) {
      reason_ = "the mean of the diagonal is not positive";
      return;
    }
    if (!copy(a, ridge, scale)) {
      reason_ = "an entry over the mean of the diagonal overflows float32";
      return;
    }
    const Index n = a.rows();
    const auto flops = [](Index order) {
      const auto real = static_cast<double>(order);
      return static_cast<Index>(real * real * real / 3);
    };
    if (observer) observer(0, flops(n));
    const int minor = dist::potrf(factor_, [&](GlobalIndex columns) {
      if (observer) observer(flops(n) - flops(n - columns), flops(n));
    });
    if (minor > 0) reason_ = fmt::format("in float32 the leading minor of order {} is not positive", minor);
  }

  const std::string& reason() const { return reason_; }

  /// z <- M^-1 r. Columns are scaled to norm 1 on the way, so that small residuals do not underflow.
  void apply(const DistributedMatrix<double>& r, const std::vector<double>& norms,
             DistributedMatrix<double>& z) const {
    DistributedMatrix<float> work(r.grid(), r.rows(), r.cols(), r.block());
    for_each_entry(r, [&](LocalIndex i, LocalIndex j, std::size_t column) {
      const double norm = norms[column];
      work.local()(i, j) = norm > 0 ? static_cast<float>(r.local()(i, j) / norm) : 0.0F;
    });
    dist::potrs(factor_, work);
    for_each_entry(r, [&](LocalIndex i, LocalIndex j, std::size_t column) {
      z.local()(i, j) = norms[column] * static_cast<double>(work.local()(i, j));
    });
  }

 private:
  /// Collective. Whether every entry fits.
  bool copy(const DistributedMatrix<double>& a, double ridge, double scale) {
    constexpr double most = std::numeric_limits<float>::max();
    double largest = 0;
    for (LocalIndex j = 0; j < a.local_cols(); ++j)
      for (LocalIndex i = 0; i < a.local_rows(); ++i) {
        const bool diagonal = a.global_row(i) == a.global_col(j);
        const double value = (a.local()(i, j) + (diagonal ? ridge : 0.0)) / scale;
        largest = std::max(largest, std::abs(value));
        factor_.local()(i, j) = static_cast<float>(std::clamp(value, -most, most));
      }
    return a.grid().comm().max(largest) <= most;
  }

  DistributedMatrix<float> factor_;
  std::string reason_;
};

/// Flexible conjugate gradients on all columns in step, each with its own coefficients.
class Refinement {
 public:
  Refinement(const DistributedMatrix<double>& a, double ridge, const FloatFactor& factor,
             const DistributedMatrix<double>& b, const MixedOptions& options)
      : a_(a),
        ridge_(ridge),
        factor_(factor),
        b_(b),
        options_(options),
        b_norms_(roots(column_squares(b))),
        x_(zeros_like(b)),
        r_(zeros_like(b)),
        z_(zeros_like(b)),
        p_(zeros_like(b)),
        q_(zeros_like(b)) {
    std::copy_n(b.local().data, b.local_rows() * b.local_cols(), r_.local().data);
    measure();
  }

  /// Whether all columns came to the tolerance; reason() says why not.
  bool run() {
    double before = std::numeric_limits<double>::infinity();
    while (residual_ > options_.tolerance) {
      if (iterations_ >= options_.max_iterations)
        return fail(fmt::format("{} refinement steps came to a relative residual of {:.2g} only", iterations_,
                                residual_));
      // A cycle ends on the recurrence's word; what the true residual does not follow is rounding.
      if (!(residual_ < 0.5 * before))
        return fail(fmt::format("the refinement stays at a relative residual of {:.2g}", residual_));
      before = residual_;
      if (!cycle()) return fail("the refinement met a direction that the float32 factor has no use for");
      true_residual();
    }
    return true;
  }

  const DistributedMatrix<double>& x() const { return x_; }
  double residual() const { return residual_; }
  Index iterations() const { return iterations_; }
  const std::string& reason() const { return reason_; }

 private:
  bool fail(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  /// q <- (A + ridge I) p.
  void multiply(const DistributedMatrix<double>& p) {
    dist::symm(dist::Triangle::upper, a_, p, q_);
    add_scaled(q_, std::vector<double>(b_norms_.size(), ridge_), p);
  }

  void measure() {
    r_norms_ = roots(column_squares(r_));
    residual_ = 0;
    for (std::size_t k = 0; k < r_norms_.size(); ++k)
      residual_ = std::max(residual_, r_norms_[k] / (b_norms_[k] > 0 ? b_norms_[k] : 1.0));
  }

  void true_residual() {
    multiply(x_);
    for_each_entry(r_, [&](LocalIndex i, LocalIndex j, std::size_t) {
      r_.local()(i, j) = b_.local()(i, j) - q_.local()(i, j);
    });
    measure();
  }

  /// From the residual that is there to half the tolerance by the recurrence. False on a breakdown.
  bool cycle() {
    factor_.apply(r_, r_norms_, z_);
    std::copy_n(z_.local().data, z_.local_rows() * z_.local_cols(), p_.local().data);
    std::vector<double> rz = column_products(r_, z_);
    while (true) {
      multiply(p_);
      const std::vector<double> pq = column_products(p_, q_);
      std::vector<double> step(rz.size());
      std::vector<double> back(rz.size());
      for (std::size_t k = 0; k < rz.size(); ++k) {
        if (r_norms_[k] == 0 || finished(k)) continue;
        if (!(rz[k] > 0) || !(pq[k] > 0) || !std::isfinite(rz[k] / pq[k])) return false;
        step[k] = rz[k] / pq[k];
        back[k] = -step[k];
      }
      add_scaled(x_, step, p_);
      add_scaled(r_, back, q_);
      measure();
      ++iterations_;
      if (residual_ <= 0.5 * options_.tolerance || iterations_ >= options_.max_iterations) return true;
      factor_.apply(r_, r_norms_, z_);
      // r_new - r_old = -step q: the part of z along the old residual, which an exact preconditioner has not.
      const std::vector<double> zq = column_products(z_, q_);
      const std::vector<double> next = column_products(r_, z_);
      std::vector<double> beta(rz.size());
      for (std::size_t k = 0; k < rz.size(); ++k) beta[k] = step[k] > 0 ? -step[k] * zq[k] / rz[k] : 0.0;
      for_each_entry(p_, [&](LocalIndex i, LocalIndex j, std::size_t column) {
        p_.local()(i, j) = z_.local()(i, j) + beta[column] * p_.local()(i, j);
      });
      rz = next;
    }
  }

  bool finished(std::size_t k) const { return r_norms_[k] <= 0.5 * options_.tolerance * b_norms_[k]; }

  const DistributedMatrix<double>& a_;
  double ridge_;
  const FloatFactor& factor_;
  const DistributedMatrix<double>& b_;
  const MixedOptions& options_;
  std::vector<double> b_norms_;
  DistributedMatrix<double> x_;
  DistributedMatrix<double> r_;
  DistributedMatrix<double> z_;
  DistributedMatrix<double> p_;
  DistributedMatrix<double> q_;
  std::vector<double> r_norms_;
  double residual_ = 0;
  Index iterations_ = 0;
  std::string reason_;
};

/// The fit by float32, or the reason why there is none. Its memory is free again behind the call.
std::optional<RegressionFit> try_float(const DistributedMatrix<double>& a, double ridge,
                                       const DistributedMatrix<double>& targets, const MixedOptions& options,
                                       std::string& reason) {
  RegressionFit fit;
  fit.ridge = ridge;
  const Timer factoring;
  const FloatFactor factor(a, ridge, options.observer);
  fit.seconds.factor = factoring.seconds();
  reason = factor.reason();
  if (!reason.empty()) return std::nullopt;
  const Timer solving;
  Refinement refinement(a, ridge, factor, targets, options);
  if (!refinement.run()) {
    reason = refinement.reason();
    return std::nullopt;
  }
  fit.seconds.solve = solving.seconds();
  fit.relative_residual = refinement.residual();
  fit.iterations = refinement.iterations();
  fit.alpha = dist::gather(refinement.x());
  return fit;
}

}  // namespace

MixedFit fit_ridge_mixed(DistributedMatrix<double> a, const DistributedMatrix<double>& targets,
                         const MixedOptions& options) {
  check_finite(a, "the Gram matrix");
  check_finite(targets, "the targets");
  check_ridge(options.ridge.value);
  const double ridge = options.ridge.absolute(a);
  MixedFit result;
  std::optional<RegressionFit> fit = try_float(a, ridge, targets, options, result.reason);
  result.mixed = fit.has_value();
  result.fit = fit ? std::move(*fit)
                   : fit_ridge(std::move(a), targets,
                               {.ridge = {.value = ridge, .relative = false}, .observer = options.observer});
  return result;
}

}  // namespace widegram::solvers
