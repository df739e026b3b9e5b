#pragma once

#include <string>

#include "jobs/gram_plan.hpp"
#include "src/dkm/model.hpp"

namespace widegram::jobs {

/// What training a deep kernel machine with inducing points takes.
struct InducingPlan {
  Index parameters = 0;    ///< but for those of the outputs' means
  Index top_points = 0;    ///< of which every output has a mean
  double flops = 0;        ///< of an epoch, or of an evaluation on all samples; matrix products alone
  double steps = 1;        ///< of an epoch, or one evaluation
  double chain_flops = 0;  ///< of a step, on every rank: what the inducing points alone take
  double bytes = 0;        ///< on the rank that holds most
  double file_bytes = 0;   ///< dkm.h5
  double state_bytes = 0;
  dkm::Keep keep = dkm::Keep::expensive;  ///< the one that fits
};

/// Collective. `keep`: what fits into a rank's memory, nothing done twice where it can be. Throws
/// CollectiveError(usage) where the layers do not fit each other or the images.
InducingPlan make_inducing_plan(const CommandContext& context, const JobOutline& outline);

/// Collective. Throws CollectiveError(usage) where a rank would need more memory than it may use, and for
/// what the job's machine cannot be trained on.
void check_inducing_plan(const CommandContext& context, const JobOutline& outline);

/// Collective, for describe: with the time of an epoch at the rate of matrix products that is measured here.
std::string inducing_plan_text(const CommandContext& context, const JobOutline& outline);

}  // namespace widegram::jobs
