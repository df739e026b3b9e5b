#include "src/dist/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace widegram::dist {

GridShape GridShape::square(int ranks) {
  int rows = static_cast<int>(std::sqrt(static_cast<double>(ranks)));
  while (ranks % rows != 0) --rows;
  return {rows, ranks / rows};
}

Index most_local_entries(GridShape shape, GlobalIndex rows, GlobalIndex cols, Index block) {
  return BlockCyclic{rows, block, shape.rows}.local_extent(0) *
         BlockCyclic{cols, block, shape.cols}.local_extent(0);
}

Index ranks_needed(GlobalIndex rows, GlobalIndex cols, Index block, Index limit) {
  // Fewer ranks than this cannot do even with perfectly even shares.
  const double even = static_cast<double>(rows) / static_cast<double>(limit) * static_cast<double>(cols);
  Index ranks = std::max<Index>(1, static_cast<Index>(even));
  while (most_local_entries(GridShape::square(to_int(ranks, "ranks")), rows, cols, block) > limit) ++ranks;
  return ranks;
}

void check_local_entries(GridShape shape, GlobalIndex rows, GlobalIndex cols, Index block, Index limit) {
  const Index held = most_local_entries(shape, rows, cols, block);
  if (held <= limit) return;
  throw Error(
      ExitCode::usage,
      fmt::format("a matrix of {} x {} puts {} entries on one of {} ranks, and ScaLAPACK can address {} at "
                  "most: run on {} ranks",
                  rows, cols, held, shape.size(), limit, ranks_needed(rows, cols, block, limit)));
}

}  // namespace widegram::dist
