#include "jobs/launch.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace widegram::jobs {
namespace {

std::optional<int> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int> launched_ranks() {
  // The innermost launcher first: an mpirun of one rank inside a Slurm job of many is meant.
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"})
    if (const auto ranks = number_of(variable)) return ranks;
  return std::nullopt;
}

std::string launch_problem(int ranks) {
  const std::optional<int> launched = launched_ranks();
  if (!launched || *launched == ranks) return "";
  return fmt::format(
      "the launcher started {} ranks, but they have not joined: this world has {}. Start with mpirun -n {} "
      "widegram ..., or with srun --mpi=pmix where Slurm has it (srun --mpi=list)",
      *launched, ranks, *launched);
}

}  // namespace widegram::jobs
