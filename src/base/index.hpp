#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "src/base/error.hpp"

namespace widegram {

/// Position in a whole matrix or data set, over all ranks.
using GlobalIndex = std::int64_t;
/// Position in what one rank holds.
using LocalIndex = std::int64_t;
/// Number of a tile along one dimension of a Gram matrix.
using TileIndex = std::int64_t;
/// Any other 64-bit count.
using Index = std::int64_t;

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

/// Narrows at the edge of a library with 32-bit integers. Throws Error(usage) naming `what`.
inline int to_int(Index value, const char* what) {
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
    throw Error(ExitCode::usage,
                std::string(what) + " = " + std::to_string(value) +
                    " does not fit the 32-bit integers of the library below; use more ranks");
  return static_cast<int>(value);
}

/// Half-open range of samples, rows or columns.
struct Range {
  Index begin = 0;
  Index end = 0;
  constexpr Index size() const { return end - begin; }
  constexpr bool empty() const { return end <= begin; }
  friend constexpr bool operator==(const Range&, const Range&) = default;
};

}  // namespace widegram
