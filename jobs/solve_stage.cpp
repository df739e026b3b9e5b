#include "jobs/solve_stage.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "io/encoding.hpp"
#include "jobs/scores.hpp"
#include "solvers/cg.hpp"
#include "solvers/regression.hpp"
#include "src/dist/redistribute.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

solvers::RegressionFit fit(const CommandContext& context, dist::DistributedMatrix<double> gram,
                           const solvers::Ridge& ridge, const dist::DistributedMatrix<double>& targets) {
  const SolveSection& solve = context.job->solve;
  std::optional<Phase> phase;
  const solvers::WorkObserver observer = [&](Index done, Index total) {
    if (!phase)
      phase.emplace(context.progress, "solve", total,
                    solve.method == Method::cg ? "steps (1,000 a target)" : "flops");
    phase->update(done);
    if (done == total) phase->finish();
  };
  if (solve.method == Method::cg)
    return solvers::solve_cg(
        gram, ridge, targets,
        {.tolerance = solve.tolerance, .max_iterations = solve.max_iterations, .observer = observer});
  return solvers::fit_ridge(std::move(gram), targets, {.ridge = ridge, .observer = observer});
}

/// Targets or a ridge near the largest number make answers that are none. The same on every rank.
void check_answer(const solvers::RegressionFit& fit) {
  const double* values = fit.alpha.data();
  if (std::isfinite(fit.ridge) && std::isfinite(fit.relative_residual) &&
      std::all_of(values, values + fit.alpha.rows() * fit.alpha.cols(),
                  [](double a) { return std::isfinite(a); }))
    return;
  throw mpi::CollectiveError(
      ExitCode::numerical,
      "the solution overflows: the targets or the ridge are too large; scale the targets to about 1, or "
      "lower solve.ridge");
}

}  // namespace

io::Model solve_stage(const CommandContext& context, const Problem& problem,
                      dist::DistributedMatrix<double> gram, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const SolveSection& solve = context.job->solve;
  const Timer timer;
  const Matrix<double> local_targets = io::encode(problem.train, context.job->data.encoding);
  const auto targets =
      dist::to_block_cyclic<double>(gram.grid(), local_targets.view(), problem.train.partition, gram.block());
  const solvers::Ridge ridge{.value = solve.ridge_absolute.value_or(solve.ridge),
                             .relative = !solve.ridge_absolute};
  const double mean_diagonal = solvers::Ridge{.value = 1.0, .relative = true}.absolute(gram);

  solvers::RegressionFit result = fit(context, std::move(gram), ridge, targets);
  check_answer(result);
  io::Model model{.header = problem.model,
                  .alpha = std::move(result.alpha),
                  .ridge = result.ridge / mean_diagonal,
                  .ridge_absolute = result.ridge,
                  .method = solve.method == Method::cg ? "cg" : "cholesky",
                  .iterations = result.iterations,
                  .relative_residual = result.relative_residual};
  io::write_model(comm, (std::filesystem::path(context.job->output) / "model.h5").string(), model);

  // K alpha = targets - ridge alpha, as exact as the residual says.
  Matrix<double> fitted = local_targets;
  for (Index i = 0; i < fitted.cols(); ++i)
    for (Index k = 0; k < fitted.rows(); ++k)
      fitted(k, i) -= result.ridge * model.alpha(problem.train.local.begin + i, k);
  write_scores(metrics["train"], score(comm, problem.train, fitted.view(), local_targets.view()));

  Json& section = metrics["solve"];
  section["method"] = model.method;
  section["ridge"] = model.ridge;
  section["ridge_absolute"] = model.ridge_absolute;
  section["seconds"] = comm.max(timer.seconds());
  section["factor_seconds"] = comm.max(result.seconds.factor);
  section["iterations"] = model.iterations;
  section["relative_residual"] = model.relative_residual;
  return model;
}

}  // namespace widegram::jobs
