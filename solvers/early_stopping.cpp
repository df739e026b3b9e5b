#include "solvers/early_stopping.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace widegram::solvers {
namespace {

constexpr double accuracy = 1e-5;  // of a loss's argument: where it is least, a loss is flat
constexpr double beyond = 10;
constexpr double negligible = 1e-6;  // of a loss

/// Whether a loss is below another by more than its rounding may be.
bool is_better(double loss, double than) { return loss < than - negligible * std::abs(than); }

/// The earliest time whose loss is as good as the least.
BestTime best_of(std::span<const double> times, const std::function<double(double)>& loss) {
  std::vector<double> losses;
  for (const double t : times) losses.push_back(loss(t));
  const double least = *std::min_element(losses.begin(), losses.end());
  const auto first =
      std::find_if(losses.begin(), losses.end(), [&](double at) { return !is_better(least, at); });
  return {times[static_cast<std::size_t>(first - losses.begin())], *first};
}

/// Golden-section search for the least f on [low, high].
template <class F>
void search(double low, double high, double enough, F&& f) {
  const double golden = 1.0 / std::numbers::phi;
  double inner = high - golden * (high - low);
  double outer = low + golden * (high - low);
  double at_inner = f(inner);
  double at_outer = f(outer);
  while (high - low > enough) {
    if (at_inner <= at_outer) {
      high = outer;
      outer = inner;
      at_outer = at_inner;
      at_inner = f(inner = high - golden * (high - low));
    } else {
      low = inner;
      inner = outer;
      at_inner = at_outer;
      at_outer = f(outer = low + golden * (high - low));
    }
  }
}

}  // namespace

BestTime best_time(std::span<const double> times, Descent descent,
                   const std::function<double(double)>& loss) {
  const BestTime given = best_of(times, loss);
  const auto place = std::find(times.begin(), times.end(), given.time);
  if (std::isinf(given.time)) return given;
  const double low = place == times.begin() ? given.time : *(place - 1);
  const double above = place + 1 == times.end() ? given.time : *(place + 1);
  const double high = std::isinf(above) ? std::max(beyond * given.time, 1.0) : above;
  if (!(high > low)) return given;
  BestTime found = given;
  const bool logarithmic = low > 0;
  const auto at = [&](double x) {
    const double place_in_time = logarithmic ? std::exp(x) : x;
    const double t =
        descent == Descent::steps ? std::round(place_in_time) : std::clamp(place_in_time, low, high);
    const double now = loss(t);
    if (now < found.loss) found = {t, now};
    return now;
  };
  if (logarithmic)
    search(std::log(low), std::log(high), accuracy, at);
  else
    search(low, high, accuracy * high, at);
  return is_better(found.loss, given.loss) ? found : given;
}

}  // namespace widegram::solvers
