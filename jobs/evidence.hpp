#pragma once

#include <optional>

#include "io/model.hpp"
#include "jobs/metrics.hpp"
#include "jobs/problem.hpp"
#include "solvers/regression.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::jobs {

/// Collective. Evidence of the Gaussian process whose covariance is the training Gram and whose noise is the
/// fit's ridge, also in metrics["solve"]: from the factor where there was one, else, where the job asks for
/// solve.evidence, an estimate by products with `gram` (null where that is gone). local_targets: outputs x
/// local samples. A Gram that turns out not to be positive definite has none, which is said.
std::optional<io::Evidence> evidence_of(const CommandContext& context, const Problem& problem,
                                        const solvers::RegressionFit& fit,
                                        const Matrix<double>& local_targets, const dist::LinearOperator* gram,
                                        Metrics& metrics);

/// Bytes of an estimate's random vectors and Lanczos vectors, for n samples over all ranks.
double evidence_bytes(GlobalIndex n);

}  // namespace widegram::jobs
