#pragma once

#include <string>

#include "src/base/index.hpp"

namespace widegram {

/// Channels, height and width of one input; a vector of D features is an image of 1 x 1 pixel with D
/// channels. Features are stored channel by channel, row by row (as CIFAR-10 stores them).
struct SampleShape {
  Index channels = 1;
  Index height = 1;
  Index width = 1;

  Index pixels() const { return height * width; }
  Index features() const { return channels * height * width; }
  bool is_vector() const { return pixels() == 1; }
  friend bool operator==(const SampleShape&, const SampleShape&) = default;
};

/// "784 features" or "3 x 32 x 32".
inline std::string to_string(const SampleShape& shape) {
  if (shape.is_vector()) return std::to_string(shape.channels) + " features";
  return std::to_string(shape.channels) + " x " + std::to_string(shape.height) + " x " +
         std::to_string(shape.width);
}

}  // namespace widegram
