#pragma once

#include <array>

#include "src/base/index.hpp"

namespace widegram::kernels {

/// <x, z> in double and in one order, whatever the samples.
template <class Real>
double inner_product(const Real* x, const Real* z, Index n) {
  constexpr Index lanes = 8;  // independent sums, so that they can run side by side
  std::array<double, lanes> sums{};
  const Index whole = n - n % lanes;
  for (Index i = 0; i < whole; i += lanes)
    for (Index l = 0; l < lanes; ++l)
      sums[static_cast<std::size_t>(l)] += static_cast<double>(x[i + l]) * static_cast<double>(z[i + l]);
  for (Index i = whole; i < n; ++i)
    sums[static_cast<std::size_t>(i - whole)] += static_cast<double>(x[i]) * static_cast<double>(z[i]);
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace widegram::kernels
