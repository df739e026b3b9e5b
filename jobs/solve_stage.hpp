#pragma once

#include "io/model.hpp"
#include "jobs/gram_inverse.hpp"
#include "jobs/problem.hpp"

namespace widegram::jobs {

/// Collective. Fits the job's regression on the training Gram (a matrix with both triangles filled, or an
/// operator, by conjugate gradients), writes model.h5 and metrics["solve"], metrics["train"], and
/// metrics["out_of_core"] for a Gram that stays in its file. keep: the inverse is left in `train` for
/// variances; else it is freed. Throws CollectiveError as the solvers and write_model() do.
io::Model solve_stage(const CommandContext& context, const Problem& problem, GramInverse& train, bool keep,
                      Metrics& metrics);

}  // namespace widegram::jobs
