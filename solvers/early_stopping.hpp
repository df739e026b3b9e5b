#pragma once

#include <functional>
#include <span>

#include "solvers/training_law.hpp"

namespace widegram::solvers {

struct BestTime {
  double time = 0;
  double loss = 0;
};

/// The time of least loss: the best of `times` (one at least, ascending, infinity allowed), then, where that
/// is finite, a golden-section search between its neighbours, on a logarithmic scale where the lower one is
/// above zero; in whole steps under gradient descent. An infinite neighbour stands for ten times the best
/// time. Losses that differ by less than a millionth count as equal, and of those the earlier of `times`
/// wins, so that a loss that has levelled out has one answer. About 30 calls of loss(t) beside one a time;
/// every rank is told the same.
BestTime best_time(std::span<const double> times, Descent descent, const std::function<double(double)>& loss);

}  // namespace widegram::solvers
