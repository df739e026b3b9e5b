#pragma once

#include <algorithm>

#include "src/base/index.hpp"

namespace widegram::dist {

/// Samples in contiguous, ascending ranges, one a rank, cut at multiples of `granule` (so that sums over
/// fixed groups of `granule` samples never straddle two ranks). Ranks at the end may hold nothing.
struct Partition {
  GlobalIndex extent = 0;
  int ranks = 1;
  Index granule = 64;

  Range range(int rank) const { return {bound(rank), bound(rank + 1)}; }
  int owner(GlobalIndex i) const {
    int rank =
        static_cast<int>(std::min<Index>(ranks - 1, (i / granule) * ranks / std::max<Index>(1, granules())));
    while (rank > 0 && i < bound(rank)) --rank;
    while (rank < ranks - 1 && i >= bound(rank + 1)) ++rank;
    return rank;
  }

 private:
  Index granules() const { return ceil_div(extent, granule); }
  GlobalIndex bound(int rank) const { return std::min(extent, granules() * rank / ranks * granule); }
};

}  // namespace widegram::dist
