#pragma once

#include "io/gram_file_operator.hpp"
#include "io/model.hpp"
#include "jobs/problem.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::jobs {

/// Collective. Fits the job's regression on the training Gram (both triangles filled; its memory is taken
/// over), writes model.h5 and metrics["solve"], metrics["train"]. Throws CollectiveError as the solvers and
/// write_model() do.
io::Model solve_stage(const CommandContext& context, const Problem& problem,
                      dist::DistributedMatrix<double> gram, Metrics& metrics);

/// The same on a Gram that stays in its file, by conjugate gradients; adds metrics["out_of_core"].
io::Model solve_stage(const CommandContext& context, const Problem& problem, const io::GramFileOperator& gram,
                      Metrics& metrics);

}  // namespace widegram::jobs
