#pragma once

#include <algorithm>

#include "src/base/index.hpp"

namespace widegram::dist {

/// Cuts one dimension into tiles of `edge` (the last one may be short).
struct Tiling {
  GlobalIndex extent = 0;
  Index edge = 64;

  TileIndex count() const { return ceil_div(extent, edge); }
  Range range(TileIndex t) const { return {t * edge, std::min(extent, (t + 1) * edge)}; }
  TileIndex tile_of(GlobalIndex i) const { return i / edge; }
};

/// Number of the lower-triangle tile (row, col), row >= col, row by row: 0 for (0,0), 1 for (1,0), 2 for
/// (1,1), ... so that a Gram that grows keeps the numbers it has.
constexpr TileIndex triangle_number(TileIndex row, TileIndex col) { return row * (row + 1) / 2 + col; }

}  // namespace widegram::dist
