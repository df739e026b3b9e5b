#pragma once

#include "jobs/metrics.hpp"
#include "jobs/problem.hpp"
#include "solvers/dkm/full_predictor.hpp"

namespace widegram::jobs {

/// Training inputs on the grid, n x features, and the Gram that deep kernel machines start from: X X^T /
/// features, its lower triangle. Collective. n^2 features flops.
struct DkmInputs {
  dist::DistributedMatrix<double> x;

  static DkmInputs of(const dist::ProcessGrid& grid, const io::DataSet& train);
  dist::DistributedMatrix<double> gram() const;
};

/// Collective. A trained machine's answers to the training set (metrics["train"]) and to the test set, where
/// there is one: predictions.h5 with /variance, metrics["test"], metrics["predict"]. Test samples go some
/// hundred at a time.
void predict_with_dkm(const CommandContext& context, const Problem& problem, const DkmInputs& inputs,
                      const dkm::FullPredictor& predictor, double noise, Metrics& metrics);

/// Collective. How good the infinitely wide network with the machine's kernel map and noise is at the test
/// set, which there must be: said, and put into `section`. targets: n x outputs on the grid. Holds (2 L + 2)
/// n^2 numbers over all ranks and takes about the time of one evaluation of the objective.
void compare_with_nngp(const CommandContext& context, const Problem& problem, const DkmInputs& inputs,
                       const dkm::KernelMap<double>& map, const dist::DistributedMatrix<double>& targets,
                       double noise, Json& section);

}  // namespace widegram::jobs
