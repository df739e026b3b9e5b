#pragma once

#include "jobs/metrics.hpp"
#include "jobs/problem.hpp"

namespace widegram::jobs {

/// Collective. Trains the job's sparse or convolutional deep kernel machine, or takes the one that dkm.h5 in
/// the output folder holds where that is the job's own, trained as long as the job asks; then predicts. Fills
/// metrics["dkm"].
void inducing_dkm_stage(const CommandContext& context, const Problem& problem, Metrics& metrics);

}  // namespace widegram::jobs
