#include "jobs/launch.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "src/base/numbers.hpp"

namespace widegram::jobs {
namespace {

std::optional<Index> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::nullopt : parse_integer(text);
}

}  // namespace

std::optional<Index> launched_ranks() {
  // The innermost launcher first: an mpirun of one rank inside a Slurm job of many is meant.
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"})
    if (const auto ranks = number_of(variable)) return ranks;
  return std::nullopt;
}

std::string launch_problem(int ranks) {
  const std::optional<Index> launched = launched_ranks();
  if (!launched || *launched <= ranks) return "";
  return fmt::format(
      "the launcher started {} ranks, but they have not joined: this world has {}. Start with mpirun -n {} "
      "widegram ..., or with srun --mpi=pmix where Slurm has it (srun --mpi=list)",
      *launched, ranks, *launched);
}

}  // namespace widegram::jobs
