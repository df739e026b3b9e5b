#pragma once

#include "io/inducing_file.hpp"
#include "jobs/inducing_model.hpp"
#include "jobs/metrics.hpp"

namespace widegram::jobs {

/// What a training is about, on every rank. The model's parameters are no part of the model.
template <class Real>
struct InducingTask {
  const CommandContext& context;
  const Problem& problem;
  dkm::Model<Real>& model;
  dkm::Samples samples;      ///< the training set
  dkm::Transform transform;  ///< of every batch
};

/// Collective. Trains from the start, or from the state that a run has left in the output folder, and saves
/// that state now and then: in batches by Adam, or on all samples at once by TAO's quasi-Newton method. Fills
/// metrics["dkm"]. Throws CollectiveError(numerical) that names the layer where a Gram is not positive
/// definite or a variance falls below zero, and where the objective diverges; CollectiveError(stopped) with
/// the state saved.
template <class Real>
io::InducingModel train_by_adam(const InducingTask<Real>& task, Metrics& metrics);
template <class Real>
io::InducingModel train_by_bqnls(const InducingTask<Real>& task, Metrics& metrics);

/// What dkm.h5 says of the job's machine before it is trained.
template <class Real>
io::InducingModel untrained(const InducingTask<Real>& task);

/// sigma^2 at these parameters; 0 where the likelihood has none.
template <class Real>
double noise_at(const dkm::Model<Real>& model, const std::vector<double>& parameters);

}  // namespace widegram::jobs
