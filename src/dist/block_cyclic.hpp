#pragma once

#include "src/base/index.hpp"

namespace widegram::dist {

/// One dimension of a block-cyclic distribution: block b of `block` consecutive indices lives on process b
/// mod `processes`. Pure arithmetic; source: Blackford et al., ScaLAPACK users' guide, section 4.3.
struct BlockCyclic {
  GlobalIndex extent = 0;
  Index block = 64;
  int processes = 1;

  Index blocks() const { return ceil_div(extent, block); }
  int owner(GlobalIndex i) const { return static_cast<int>((i / block) % processes); }
  LocalIndex to_local(GlobalIndex i) const { return (i / block / processes) * block + i % block; }
  GlobalIndex to_global(LocalIndex i, int process) const {
    return ((i / block) * processes + process) * block + i % block;
  }
  /// Number of indices that `process` holds.
  LocalIndex local_extent(int process) const {
    const Index whole = extent / block;
    LocalIndex held = (whole / processes) * block;
    const int extra = static_cast<int>(whole % processes);
    if (process < extra)
      held += block;
    else if (process == extra)
      held += extent % block;
    return held;
  }
};

}  // namespace widegram::dist
