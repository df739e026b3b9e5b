#include "solvers/early_stopping.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace widegram::solvers {
namespace {

constexpr double accuracy = 1e-8;  // of a loss's argument: where it is least, a loss is flat
constexpr double beyond = 10;

/// The least of what it is told.
class Least {
 public:
  explicit Least(const std::function<double(double)>& loss) : loss_(loss) {}
  double operator()(double t) {
    const double loss = loss_(t);
    if (!told_ || loss < best_.loss || (loss == best_.loss && t < best_.time)) best_ = {t, loss};
    told_ = true;
    return loss;
  }
  const BestTime& best() const { return best_; }

 private:
  const std::function<double(double)>& loss_;
  BestTime best_{};
  bool told_ = false;
};

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
  Least least(loss);
  for (const double t : times) least(t);
  const double best = least.best().time;
  const auto place = std::find(times.begin(), times.end(), best);
  if (times.empty() || std::isinf(best)) return least.best();
  const double low = place == times.begin() ? best : *(place - 1);
  const double above = place + 1 == times.end() ? best : *(place + 1);
  const double high = std::isinf(above) ? std::max(beyond * best, 1.0) : above;
  if (!(high > low)) return least.best();
  const bool logarithmic = low > 0;
  const auto at = [&](double x) {
    const double t = logarithmic ? std::exp(x) : x;
    return least(descent == Descent::steps ? std::round(t) : std::clamp(t, low, high));
  };
  if (logarithmic)
    search(std::log(low), std::log(high), accuracy, at);
  else
    search(low, high, accuracy * high, at);
  return least.best();
}

}  // namespace widegram::solvers
