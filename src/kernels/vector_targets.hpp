#pragma once

// Which of Highway's targets are compiled; to be included before hwy/foreach_target.h. One for each width
// that machines in use have; SVE's vectors have no operators and cannot be kept in arrays.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
