#pragma once

#include <random>

#include "src/base/matrix.hpp"

namespace widegram::test {

/// Standard normal samples number range.begin ... range.end - 1, a sample a column: sample i is the same
/// whoever makes it.
inline Matrix<double> made_up_samples(Index features, Range range) {
  Matrix<double> values(features, range.size());
  for (Index j = 0; j < range.size(); ++j) {
    std::mt19937_64 generator(static_cast<std::uint64_t>(range.begin + j));
    std::normal_distribution<double> normal;
    for (Index i = 0; i < features; ++i) values(i, j) = normal(generator);
  }
  return values;
}

}  // namespace widegram::test
