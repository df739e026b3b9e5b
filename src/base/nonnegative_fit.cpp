#include "src/base/nonnegative_fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace widegram {
namespace {

/// What is left of a column beside those before it must not be rounding alone.
constexpr double independent = 1e-9;

double dot(const double* x, const double* y, Index count) {
  double sum = 0;
  for (Index i = 0; i < count; ++i) sum += x[i] * y[i];
  return sum;
}

/// Least squares with the columns alone that were chosen, in their order. Empty where one depends on the ones
/// before it.
std::vector<double> least_squares(const Matrix<double>& a, const std::vector<Index>& chosen,
                                  std::span<const double> b) {
  const Index rows = a.rows();
  const auto count = static_cast<Index>(chosen.size());
  if (count > rows) return {};
  Matrix<double> r(rows, count);
  for (Index k = 0; k < count; ++k)
    std::copy_n(a.column(chosen[static_cast<std::size_t>(k)]), rows, r.column(k));
  std::vector<double> y(b.begin(), b.end());
  for (Index k = 0; k < count; ++k) {
    double* v = r.column(k) + k;
    const Index left = rows - k;
    const double norm = std::sqrt(dot(v, v, left));
    if (norm < independent) return {};
    const double diagonal = v[0] > 0 ? -norm : norm;
    v[0] -= diagonal;
    const double square = dot(v, v, left);
    const auto reflect = [&](double* x) {
      const double factor = 2 * dot(v, x, left) / square;
      for (Index i = 0; i < left; ++i) x[i] -= factor * v[i];
    };
    for (Index j = k + 1; j < count; ++j) reflect(r.column(j) + k);
    reflect(y.data() + k);
    v[0] = diagonal;
  }
  std::vector<double> x(chosen.size());
  for (Index k = count - 1; k >= 0; --k) {
    double value = y[static_cast<std::size_t>(k)];
    for (Index j = k + 1; j < count; ++j) value -= r(k, j) * x[static_cast<std::size_t>(j)];
    x[static_cast<std::size_t>(k)] = value / r(k, k);
  }
  return x;
}

/// Columns of length 1; the lengths they had (1 for a column of zeros).
std::vector<double> normalize(Matrix<double>& a) {
  std::vector<double> lengths;
  for (Index j = 0; j < a.cols(); ++j) {
    const double length = std::sqrt(dot(a.column(j), a.column(j), a.rows()));
    lengths.push_back(length > 0 ? length : 1.0);
    for (Index i = 0; i < a.rows(); ++i) a(i, j) /= lengths.back();
  }
  return lengths;
}

/// The fit on columns of length 1, step by step.
class Fit {
 public:
  Fit(const Matrix<double>& a, std::span<const double> b)
      : a_(a), b_(b), x_(static_cast<std::size_t>(a.cols())), barred_(x_.size()) {}

  std::vector<double> run() {
    const Index most_steps = 10 * a_.cols() + 10;
    for (Index step = 0; step < most_steps; ++step) {
      const Index best = steepest();
      if (best < 0) break;
      chosen_.push_back(best);
      if (!settle()) {
        chosen_.pop_back();
        barred_[static_cast<std::size_t>(best)] = true;
      }
    }
    return x_;
  }

 private:
  /// The column outside that would lower the error most; -1 where none does.
  Index steepest() const {
    std::vector<double> left(b_.begin(), b_.end());
    for (const Index j : chosen_)
      for (Index i = 0; i < a_.rows(); ++i)
        left[static_cast<std::size_t>(i)] -= a_(i, j) * x_[static_cast<std::size_t>(j)];
    const double size = std::sqrt(dot(b_.data(), b_.data(), a_.rows()));
    double most = 1e-13 * size;
    Index best = -1;
    for (Index j = 0; j < a_.cols(); ++j) {
      if (barred_[static_cast<std::size_t>(j)] || std::ranges::count(chosen_, j) > 0) continue;
      const double slope = dot(a_.column(j), left.data(), a_.rows());
      if (slope <= most) continue;
      most = slope;
      best = j;
    }
    return best;
  }

  /// Moves to the least squares on what is chosen, leaving out what would turn negative on the way. False
  /// where the newest column depends on the others.
  bool settle() {
    while (true) {
      const std::vector<double> target = least_squares(a_, chosen_, b_);
      if (target.empty()) return chosen_.empty();
      double share = 1;
      for (std::size_t k = 0; k < chosen_.size(); ++k) {
        const double now = x_[static_cast<std::size_t>(chosen_[k])];
        if (target[k] <= 0) share = std::min(share, now / std::max(now - target[k], tiny));
      }
      for (std::size_t k = 0; k < chosen_.size(); ++k) {
        double& now = x_[static_cast<std::size_t>(chosen_[k])];
        now += share * (target[k] - now);
        if (target[k] <= 0 && now <= tiny) now = 0;
      }
      if (share == 1) return true;
      std::erase_if(chosen_, [&](Index j) { return x_[static_cast<std::size_t>(j)] <= tiny; });
    }
  }

  static constexpr double tiny = std::numeric_limits<double>::min();

  const Matrix<double>& a_;
  std::span<const double> b_;
  std::vector<double> x_;
  std::vector<bool> barred_;
  std::vector<Index> chosen_;
};

}  // namespace

std::vector<double> nonnegative_fit(const Matrix<double>& a, std::span<const double> b) {
  Matrix<double> scaled = a;
  const std::vector<double> lengths = normalize(scaled);
  std::vector<double> x = Fit(scaled, b).run();
  for (std::size_t j = 0; j < x.size(); ++j) x[j] /= lengths[j];
  return x;
}

}  // namespace widegram
