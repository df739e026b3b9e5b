#pragma once

#include <functional>

namespace widegram::test {

/// The slope of f along x by a central difference of fourth order; x is as before afterwards.
inline double central_difference(double& x, double step, const std::function<double()>& f) {
  const double middle = x;
  const auto at = [&](double offset) {
    x = middle + offset;
    return f();
  };
  const double slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step);
  x = middle;
  return slope;
}

}  // namespace widegram::test
