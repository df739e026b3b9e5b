#include "solvers/lanczos_quadrature.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "solvers/checks.hpp"
#include "solvers/lanczos_process.hpp"
#include "src/base/random.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {
namespace {

constexpr std::uint32_t probe_stream = 7;
constexpr Index check_every = 5;
constexpr double negligible_change = 0.05;

/// e_1^T log(T + ridge I) e_1.
double first_entry_of_log(const Tridiagonal& t, double ridge) {
  const RitzPairs ritz = ritz_pairs(t);
  double sum = 0;
  for (Index j = 0; j < ritz.size(); ++j) {
    const double found = ritz.values[static_cast<std::size_t>(j)];
    const double value = found + ridge;
    if (!(value > 0))
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format(
              "the Gram matrix with {:.6g} added to its diagonal is not positive definite: it has a Ritz "
              "value of {:.3g}, so it has no log determinant. A ridge that helps is above {:.2g}",
              ridge, found, -1.1 * found));
    sum += ritz.first(j) * ritz.first(j) * std::log(value);
  }
  return sum;
}

/// Vectors of +-1, of norm 1; this rank's rows.
Matrix<double> random_signs(const dist::LinearOperator& a, const QuadratureOptions& options) {
  const CounterRandom random(options.seed, probe_stream);
  const Range part = a.part();
  const double size = 1.0 / std::sqrt(static_cast<double>(a.size()));
  Matrix<double> probes(part.size(), options.probes);
  for (Index q = 0; q < probes.cols(); ++q)
    for (Index i = 0; i < part.size(); ++i)
      probes(i, q) =
          (random.bits(static_cast<std::uint64_t>(part.begin + i), static_cast<std::uint32_t>(q))[0] & 1U)
              ? size
              : -size;
  return probes;
}

/// Mean over the probes and its standard error.
StochasticEstimate estimate(const LanczosProcesses& processes, double ridge, GlobalIndex n) {
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
  LanczosProcesses processes(a, random_signs(a, options).view(), options.max_steps);
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
