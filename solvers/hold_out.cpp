#include "solvers/hold_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "solvers/checks.hpp"
#include "solvers/scores.hpp"
#include "src/base/random.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/scalapack.hpp"
#include "src/dist/submatrix.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

using dist::DistributedMatrix;

constexpr std::uint32_t hold_out_stream = 6;

/// The order's last samples are held out.
HoldOutSplit split(const std::vector<GlobalIndex>& order, double share) {
  const auto n = static_cast<GlobalIndex>(order.size());
  if (!(share > 0 && share < 1) || n < 2)
    throw mpi::CollectiveError(
        ExitCode::usage,
        fmt::format("hold-out with a share of {} of {} samples: the share lies between 0 and "
                    "1, and there are at least 2 samples",
                    share, n));
  const auto held =
      std::clamp<Index>(static_cast<Index>(std::llround(share * static_cast<double>(n))), 1, n - 1);
  const auto border = order.end() - held;
  HoldOutSplit parts{{order.begin(), border}, {border, order.end()}};
  std::sort(parts.fitted.begin(), parts.fitted.end());
  std::sort(parts.held_out.begin(), parts.held_out.end());
  return parts;
}

}  // namespace

std::vector<GlobalIndex> in_order(GlobalIndex n) {
  std::vector<GlobalIndex> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), GlobalIndex{0});
  return order;
}

HoldOutSplit split_first(GlobalIndex n, double share) { return split(in_order(n), share); }

HoldOutSplit split_random(GlobalIndex n, double share, std::uint64_t seed) {
  const CounterRandom random(seed, hold_out_stream);
  std::vector<double> key(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = random.uniform(i);
  std::vector<GlobalIndex> order = in_order(n);
  std::stable_sort(order.begin(), order.end(), [&](GlobalIndex i, GlobalIndex j) {
    return key[static_cast<std::size_t>(i)] < key[static_cast<std::size_t>(j)];
  });
  return split(order, share);
}

std::vector<HoldOutPoint> hold_out_path(const DistributedMatrix<double>& a,
                                        const DistributedMatrix<double>& targets,
                                        std::span<const double> ridges, const HoldOutSplit& split,
                                        const HoldOutOptions& options) {
  check_finite(a, "the Gram matrix");
  check_finite(targets, "the targets");
  const std::vector<GlobalIndex> columns = in_order(targets.cols());
  const DistributedMatrix<double> fitted_targets = dist::submatrix(targets, split.fitted, columns);
  const Matrix<double> truth = dist::gather(dist::submatrix(targets, split.held_out, columns));
  const DistributedMatrix<double> cross = dist::submatrix(a, split.fitted, split.held_out);
  DistributedMatrix<double> predicted(a.grid(), cross.cols(), targets.cols(), a.block());
  std::vector<HoldOutPoint> points;
  const auto score = [&](const RidgeSolution& solution) {
    dist::gemm(dist::Transpose::yes, cross, solution.alpha, predicted);
    Matrix<double> residuals = dist::gather(predicted);
    for (Index j = 0; j < truth.cols(); ++j)
      for (Index i = 0; i < truth.rows(); ++i) residuals(i, j) = truth(i, j) - residuals(i, j);
    HoldOutPoint point{.ridge = solution.ridge, .mse = mean_square(residuals.view())};
    if (options.classes) point.accuracy = accuracy_from_residuals(truth.view(), residuals.view());
    points.push_back(point);
  };
  const RidgeMethod method =
      options.method.value_or(cheaper_ridge_method(static_cast<Index>(ridges.size()), false));
  for_each_ridge(method, dist::submatrix(a, split.fitted, split.fitted), fitted_targets, ridges,
                 {.inverse_diagonals = false,
                  .observer = options.observer,
                  .failed =
                      [&](double ridge) {
                        points.push_back({.ridge = ridge, .mse = std::numeric_limits<double>::infinity()});
                      }},
                 score);
  return points;
}

std::size_t best_by_hold_out(std::span<const HoldOutPoint> points) {
  std::vector<double> losses;
  std::vector<double> ridges;
  for (const HoldOutPoint& point : points) {
    losses.push_back(point.mse);
    ridges.push_back(point.ridge);
  }
  return best_ridge(losses, ridges);
}

}  // namespace widegram::solvers
