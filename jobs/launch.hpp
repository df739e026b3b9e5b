#pragma once

#include <optional>
#include <string>

#include "src/base/index.hpp"

namespace widegram::jobs {

/// Ranks that the launcher (Open MPI, PMI, Slurm) says it has started, from its environment; nothing where
/// none speaks.
std::optional<Index> launched_ranks();

/// Why a launch did not join its ranks into one world of `ranks`, with its mend: plain srun without PMIx
/// starts as many programs of one rank each, and each of them would do all the work. Empty where nothing is
/// wrong: a world may well be larger than what one launcher counts (the parts of one mpirun, spawned ranks).
std::string launch_problem(int ranks);

}  // namespace widegram::jobs
