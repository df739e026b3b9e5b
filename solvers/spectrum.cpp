#include "solvers/spectrum.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace widegram::solvers {

double condition_number(std::span<const double> values, double ridge) {
  const double smallest = values.front() + ridge;
  if (!(smallest > 0)) return std::numeric_limits<double>::infinity();
  return (values.back() + ridge) / smallest;
}

std::vector<double> effective_dimensions(std::span<const double> values, std::span<const double> ridges) {
  std::vector<double> dimensions;
  for (const double ridge : ridges) {
    double sum = 0;
    for (const double value : values)
      if (value > 0) sum += value / (value + ridge);
    dimensions.push_back(sum);
  }
  return dimensions;
}

std::vector<EffectiveDimensionBounds> effective_dimension_bounds(std::span<const double> largest,
                                                                 double trace, Index n,
                                                                 std::span<const double> ridges) {
  const std::vector<double> known = effective_dimensions(largest, ridges);
  const auto others = static_cast<double>(n - static_cast<Index>(largest.size()));
  const double left =
      others > 0 ? std::max(0.0, trace - std::accumulate(largest.begin(), largest.end(), 0.0)) : 0.0;
  std::vector<EffectiveDimensionBounds> bounds;
  for (std::size_t i = 0; i < ridges.size(); ++i) {
    // `left` in eigenvalues of this size.
    const auto share = [&](double size) { return left > 0 && size > 0 ? left / (size + ridges[i]) : 0.0; };
    bounds.push_back({known[i] + share(largest.back()), known[i] + share(left / others)});
  }
  return bounds;
}

std::vector<double> target_powers(MatrixView<const double> projected) {
  std::vector<double> powers(static_cast<std::size_t>(projected.rows));
  for (Index k = 0; k < projected.cols; ++k)
    for (Index j = 0; j < projected.rows; ++j)
      powers[static_cast<std::size_t>(projected.rows - 1 - j)] += projected(j, k) * projected(j, k);
  return powers;
}

std::vector<double> cumulative_shares(std::span<const double> powers) {
  std::vector<double> shares(powers.size());
  std::partial_sum(powers.begin(), powers.end(), shares.begin());
  const double total = shares.empty() ? 0.0 : shares.back();
  for (double& share : shares) share = total > 0 ? share / total : 0.0;
  return shares;
}

PowerLaw fit_power_law(std::span<const double> values, Range ranks) {
  ranks.begin = std::max<Index>(1, ranks.begin);
  ranks.end = std::min(static_cast<Index>(values.size()) + 1, ranks.end);
  PowerLaw law{.ranks = ranks};
  const auto each = [&](auto&& f) {
    for (Index rank = ranks.begin; rank < ranks.end; ++rank) {
      const double value = values[static_cast<std::size_t>(rank - 1)];
      if (value > 0) f(1.0 / static_cast<double>(rank), std::log(static_cast<double>(rank)), std::log(value));
    }
  };
  double weights = 0;
  double x_sum = 0;
  double y_sum = 0;
  each([&](double w, double x, double y) {
    ++law.points;
    weights += w;
    x_sum += w * x;
    y_sum += w * y;
  });
  if (law.points < 3) return law;
  const double x_mean = x_sum / weights;
  const double y_mean = y_sum / weights;
  double xx = 0;
  double xy = 0;
  each([&](double w, double x, double y) {
    xx += w * (x - x_mean) * (x - x_mean);
    xy += w * (x - x_mean) * (y - y_mean);
  });
  const double slope = xy / xx;
  double scatter = 0;
  each([&](double w, double x, double y) {
    const double miss = y - y_mean - slope * (x - x_mean);
    scatter += w * w * (x - x_mean) * (x - x_mean) * miss * miss;
  });
  const auto count = static_cast<double>(law.points);
  law.exponent = -slope;
  law.standard_error = std::sqrt(scatter * count / (count - 2)) / xx;
  law.scale = std::exp(y_mean - slope * x_mean);
  return law;
}

Range default_fit_range(Index n) { return {std::clamp<Index>(n / 10, 1, 10), n / 2 + 1}; }

}  // namespace widegram::solvers
