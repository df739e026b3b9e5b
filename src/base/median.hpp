#pragma once

#include <algorithm>
#include <vector>

namespace widegram {

/// The middle value; the mean of the middle two of an even number. Not of nothing.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace widegram
