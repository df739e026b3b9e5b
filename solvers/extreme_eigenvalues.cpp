#include "solvers/extreme_eigenvalues.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "solvers/lanczos_process.hpp"
#include "src/base/matrix.hpp"
#include "src/base/random.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t start_stream = 5;

/// A fixed random vector, this rank's rows.
Matrix<double> random_start(const dist::LinearOperator& a) {
  const CounterRandom random(0, start_stream);
  const Range part = a.part();
  Matrix<double> start(part.size(), 1);
  for (Index i = 0; i < part.size(); ++i)
    start(i, 0) = 2.0 * random.uniform(static_cast<std::uint64_t>(part.begin + i)) - 1.0;
  return start;
}

}  // namespace

ExtremeEigenvalues extreme_eigenvalues(const dist::LinearOperator& a, Index max_steps) {
  constexpr Index check_every = 10;
  constexpr double relative_accuracy = 0.01;
  const double rounding = static_cast<double>(a.size()) * std::numeric_limits<double>::epsilon();
  LanczosProcesses process(a, random_start(a).view(), max_steps);
  const Tridiagonal& t = process.tridiagonals().front();
  ExtremeEigenvalues ends;
  while (process.steps() < process.most()) {
    process.step();
    ends.steps = process.steps();
    if (!t.ended && ends.steps < process.most() && ends.steps % check_every != 0) continue;
    const RitzPairs ritz = ritz_pairs(t);
    const double scale = std::max(std::abs(ritz.values.front()), std::abs(ritz.values.back()));
    ends.smallest = ritz.values.front();
    ends.smallest_error = ends.steps == a.size() ? 0.0 : t.off_diagonal.back() * std::abs(ritz.last(0));
    ends.largest = ritz.values.back();
    if (t.ended ||
        ends.smallest_error <= std::max(relative_accuracy * std::abs(ends.smallest), rounding * scale))
      break;
  }
  return ends;
}

}  // namespace widegram::solvers
