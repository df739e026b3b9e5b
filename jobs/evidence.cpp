#include "jobs/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jobs/solve_progress.hpp"
#include "solvers/lanczos_quadrature.hpp"
#include "solvers/ridge_path.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Sum of alpha times target over all samples and columns.
double fit_to_targets(const mpi::Communicator& comm, const Problem& problem, const Matrix<double>& alpha,
                      const Matrix<double>& local_targets) {
  double sum = 0;
  for (Index i = 0; i < local_targets.cols(); ++i)
    for (Index k = 0; k < local_targets.rows(); ++k)
      sum += alpha(problem.train.local.begin + i, k) * local_targets(k, i);
  return comm.sum(sum);
}

/// Nothing where the Gram has no log-determinant.
std::optional<solvers::StochasticEstimate> estimate(const CommandContext& context,
                                                    const dist::LinearOperator& gram, double ridge) {
  SolveProgress progress(context.progress, "evidence", "products");
  const solvers::WorkObserver tell = progress.observer();
  const auto observer = [&](Index done, Index total) {
    mpi::stop_if_wanted(context.comm, context.stop,
                        "the solution is found, its evidence is not: neither is kept; run the same command "
                        "again");
    tell(done, total);
  };
  try {
    return solvers::stochastic_log_determinant(gram, ridge, {.observer = observer});
  } catch (const mpi::CollectiveError& error) {
    if (error.code() != ExitCode::numerical) throw;
    context.progress.warn(fmt::format("solve.evidence: {}", error.what()));
    return std::nullopt;
  }
}

/// As many as a number with this error has, two digits of the error among them.
int decimals_of(double error) {
  constexpr int most = 9;
  return error > 0 ? std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, most) : most;
}

}  // namespace

std::optional<io::Evidence> evidence_of(const CommandContext& context, const Problem& problem,
                                        const solvers::RegressionFit& fit,
                                        const Matrix<double>& local_targets, const dist::LinearOperator* gram,
                                        Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const Index columns = fit.alpha.cols();
  io::Evidence evidence;
  Json& section = metrics["solve"];
  if (fit.log_determinant) {
    evidence.log_determinant = *fit.log_determinant;
  } else {
    if (!context.job->solve.evidence || gram == nullptr) return std::nullopt;
    const Timer timer;
    const auto found = estimate(context, *gram, fit.ridge);
    if (!found) return std::nullopt;
    evidence.log_determinant = found->value;
    evidence.log_evidence_error = 0.5 * static_cast<double>(columns) * found->standard_error;
    evidence.probes = found->probes;
    evidence.steps = found->steps;
    section["log_determinant_error"] = found->standard_error;
    section["log_evidence_error"] = evidence.log_evidence_error;
    section["evidence_probes"] = evidence.probes;
    section["evidence_steps"] = evidence.steps;
    section["evidence_seconds"] = comm.max(timer.seconds());
  }
  evidence.log_evidence = solvers::log_evidence(fit_to_targets(comm, problem, fit.alpha, local_targets),
                                                evidence.log_determinant, problem.n(), columns);
  if (evidence.probes > 0)
    context.progress.note(fmt::format("evidence   {:.{}f} +- {:.2g} ({} random vectors, {} products)",
                                      evidence.log_evidence, decimals_of(evidence.log_evidence_error),
                                      evidence.log_evidence_error, evidence.probes, evidence.steps));
  section["log_determinant"] = evidence.log_determinant;
  section["log_evidence"] = evidence.log_evidence;
  return evidence;
}

double evidence_bytes(GlobalIndex n) {
  const solvers::QuadratureOptions options;
  return static_cast<double>(n) * static_cast<double>(options.probes) *
         static_cast<double>(std::min<Index>(options.max_steps, n) + 2) * sizeof(double);
}

}  // namespace widegram::jobs
