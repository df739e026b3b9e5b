#pragma once

#include "jobs/inducing_training.hpp"

namespace widegram::jobs {

/// Collective. A trained machine's answers to the training set (metrics["train"]) and to the test set, where
/// there is one: predictions.h5 with /variance and, for a categorical likelihood, /log_probability,
/// metrics["test"], metrics["predict"]. Both in batches of dkm.batch samples in their order: where norms are
/// over a batch, an answer depends on its batch.
template <class Real>
void predict_with_inducing(const InducingTask<Real>& task, const io::InducingModel& model, Metrics& metrics);

}  // namespace widegram::jobs
