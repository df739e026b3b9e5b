#pragma once

#include <algorithm>

#include "src/base/index.hpp"

namespace widegram::solvers {

/// Cuts [0, count) into ranges of `most`, the last of which may be shorter, and calls f(range) for each.
template <class F>
void for_each_range(Index count, Index most, F&& f) {
  for (Index begin = 0; begin < count; begin += most) f(Range{begin, std::min(count, begin + most)});
}

}  // namespace widegram::solvers
