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

}  // namespace widegram::jobs
