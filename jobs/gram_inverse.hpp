#pragma once

#include <memory>
#include <string>

#include "jobs/commands/commands.hpp"
#include "jobs/metrics.hpp"
#include "solvers/cg.hpp"
#include "solvers/cholesky.hpp"
#include "src/dist/linear_operator.hpp"
#include "src/dist/matrix.hpp"
#include "src/gram/schedule.hpp"

namespace widegram::jobs {

/// The job's training Gram K on its way through a run: as it was assembled, in memory or as an operator, and
/// then (K + ridge I)^-1 as a solve leaves it, by the factor or by conjugate gradients with the
/// preconditioner that is there. Empty where nothing is left.
struct GramInverse {
  std::unique_ptr<dist::DistributedMatrix<double>> matrix{};
  std::unique_ptr<dist::LinearOperator> gram{};  ///< what cg works on, where there is no factor
  std::unique_ptr<solvers::Cholesky> factor{};
  std::unique_ptr<solvers::CgSolver> cg{};
};

/// Whether the job factors its Gram.
bool factors_gram(const Job& job);

/// Collective. Factors the matrix, which the factor takes over; progress goes by `title`. Errors as of
/// Cholesky.
void factor_gram(const CommandContext& context, GramInverse& train, double ridge, const std::string& title);

/// Collective. Makes the operator on a matrix in memory, where there is one, and the job's conjugate
/// gradients with their preconditioner.
void prepare_cg(const CommandContext& context, GramInverse& train, double ridge);

/// Bytes a rank that conjugate gradients and their preconditioner hold, for the usual number of target
/// columns.
double cg_bytes(const Job& job, const gram::Layout& layout);

/// Collective. What products with a Gram in its file have read so far, as metrics["out_of_core"]; nothing for
/// another.
void write_traffic(const CommandContext& context, const GramInverse& train, Metrics& metrics);

}  // namespace widegram::jobs
