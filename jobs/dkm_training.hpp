#pragma once

#include <vector>

#include "io/dkm_file.hpp"
#include "jobs/metrics.hpp"
#include "jobs/problem.hpp"
#include "solvers/dkm/full_objective.hpp"

namespace widegram::jobs {

/// What a trained machine's Grams depend on, but for how well and how long it was trained: equal where a run
/// may go on from another one's state.
std::string dkm_problem_text(const DkmSection& dkm, const Problem& problem);

/// What comes of a job's training.
struct DkmTraining {
  io::DkmModel model;
  std::vector<dist::DistributedMatrix<double>> grams;  ///< G_1 ... G_L, lower triangles
};

/// Collective over the grid. Trains a full-rank machine from the infinitely wide network, or from the state
/// that a stopped run has left in the output folder; saves that state now and then. input_gram, targets: as
/// FullObjective takes them. Fills metrics["dkm"]. Throws CollectiveError(numerical) where a kernel is not
/// positive definite at the start, or where the objective grows without end, and CollectiveError(stopped)
/// with the state saved.
DkmTraining train_full_dkm(const CommandContext& context, const Problem& problem,
                           const dkm::KernelMap<double>& map, dist::DistributedMatrix<double> input_gram,
                           dist::DistributedMatrix<double> targets, Metrics& metrics);

}  // namespace widegram::jobs
