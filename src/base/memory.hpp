#pragma once

#include "src/base/index.hpp"

namespace widegram {

/// Bytes that this machine can still give out: what the kernel calls available, or what is left of the
/// control group that the process lives in (Slurm sets one for a job) where that is less. Linux only; 0 where
/// it cannot be told.
Index available_memory();

/// Most bytes of memory that this process has held so far.
Index peak_resident_memory();

}  // namespace widegram
