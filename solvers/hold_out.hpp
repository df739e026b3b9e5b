#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "solvers/ridge_solutions.hpp"

namespace widegram::solvers {

/// Training samples in two groups, each ascending.
struct HoldOutSplit {
  std::vector<GlobalIndex> fitted;
  std::vector<GlobalIndex> held_out;
};

/// 0, 1, ..., n - 1.
std::vector<GlobalIndex> in_order(GlobalIndex n);

/// The last `share` of n samples is held out: n share of them, rounded, at least one and not all. Throws
/// CollectiveError(usage) for a share outside (0, 1) or fewer than 2 samples.
HoldOutSplit split_first(GlobalIndex n, double share);

/// The same number of samples, drawn evenly at random: the same on any rank count for one seed and n.
HoldOutSplit split_random(GlobalIndex n, double share, std::uint64_t seed);

/// How well one ridge does on the samples held out.
struct HoldOutPoint {
  double ridge = 0;  ///< the plain number
  double mse = 0;
  std::optional<double> accuracy{};
};

struct HoldOutOptions {
  bool classes = false;                 ///< a sample's class is its largest target
  std::optional<RidgeMethod> method{};  ///< the cheaper one if not given
  WorkObserver observer{};              ///< in ridges
};

/// Fits the first group with each ridge (plain numbers) and predicts the second one, in the order of the
/// ridges. Collective over a's grid. a: n x n with both triangles filled; targets: n x k on its grid in
/// blocks of the same size. Beside a it holds the part of a that is fitted (four times that with eigen), that
/// of fitted x held out, and n k numbers a rank. Cost and errors as of ridge_path() for the fitted samples,
/// which messages count from 0.
std::vector<HoldOutPoint> hold_out_path(const dist::DistributedMatrix<double>& a,
                                        const dist::DistributedMatrix<double>& targets,
                                        std::span<const double> ridges, const HoldOutSplit& split,
                                        const HoldOutOptions& options = {});

/// Number of the point with the least mean squared error; of equal ones that with the largest ridge.
std::size_t best_by_hold_out(std::span<const HoldOutPoint> points);

}  // namespace widegram::solvers
