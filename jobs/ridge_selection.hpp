#pragma once

#include "io/model.hpp"
#include "jobs/problem.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::jobs {

/// Collective. The ridge of solve.ridges that does best by solve.selection, on training samples alone, and
/// what each of them came to (also in metrics["solve"]["path"]). gram: both triangles, left as it is;
/// targets: on its grid. mean_diagonal: of the Gram, which the job's ridges are relative to. Needs one more
/// matrix like the Gram, or four where an eigendecomposition is cheaper than a factorisation a ridge.
io::RidgeChoice choose_ridge(const CommandContext& context, const Problem& problem,
                             const dist::DistributedMatrix<double>& gram,
                             const dist::DistributedMatrix<double>& targets, double mean_diagonal,
                             Metrics& metrics);

/// Matrices like the Gram that choosing and solving hold beside it, in its entries: 0 where there is nothing
/// to choose.
double matrices_beside_the_gram(const SolveSection& solve);

}  // namespace widegram::jobs
