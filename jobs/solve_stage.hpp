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

/// The same on a Gram that is known by its products, by conjugate gradients.
io::Model solve_stage(const CommandContext& context, const Problem& problem, const dist::LinearOperator& gram,
                      Metrics& metrics);

/// The same on one that stays in its file; adds metrics["out_of_core"].
io::Model solve_stage(const CommandContext& context, const Problem& problem, const io::GramFileOperator& gram,
                      Metrics& metrics);

}  // namespace widegram::jobs
