#pragma once

#include <cmath>
#include <random>

#include "src/base/matrix.hpp"
#include "src/base/sample_shape.hpp"

namespace widegram::test {

/// Pictures, one a column, whose neighbouring pixels are alike as those of photographs are: a few waves of
/// random direction, length and strength in every channel.
inline Matrix<double> made_up_pictures(const SampleShape& shape, Index count) {
  Matrix<double> pictures(shape.features(), count);
  for (Index j = 0; j < count; ++j) {
    std::mt19937_64 generator(static_cast<std::uint64_t>(j));
    std::normal_distribution<double> normal;
    for (Index c = 0; c < shape.channels; ++c)
      for (int wave = 0; wave < 6; ++wave) {
        const double height = 0.3 * normal(generator), width = 0.3 * normal(generator),
                     phase = 6 * normal(generator);
        for (Index p = 0; p < shape.pixels(); ++p)
          pictures(c * shape.pixels() + p, j) +=
              0.5 * std::sin(height * static_cast<double>(p / shape.width) +
                             width * static_cast<double>(p % shape.width) + phase);
      }
  }
  return pictures;
}

}  // namespace widegram::test
