#include "jobs/solve_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/encoding.hpp"
#include "io/solver_state.hpp"
#include "jobs/evidence.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/residual_history.hpp"
#include "jobs/ridge_selection.hpp"
#include "jobs/scores.hpp"
#include "jobs/solve_progress.hpp"
#include "solvers/block_algebra.hpp"
#include "solvers/cg.hpp"
#include "solvers/mixed_cholesky.hpp"
#include "solvers/regression.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {
namespace {

solvers::Ridge ridge_of(const SolveSection& solve) {
  return {.value = solve.ridge_absolute.value_or(solve.ridge), .relative = !solve.ridge_absolute};
}

/// As the job gives it: its plain value depends on how the ranks have summed up the mean diagonal.
std::string ridge_text(const SolveSection& solve) {
  return solve.ridge_absolute ? fmt::format("ridge_absolute {}", *solve.ridge_absolute)
                              : fmt::format("ridge {}", solve.ridge);
}

/// Keeps what conjugate gradients need to go on in the output folder, until they have ended.
class CgState {
 public:
  CgState(const CommandContext& context, const Problem& problem, const dist::LinearOperator& gram)
      : comm_(context.comm),
        gram_(gram),
        path_(in_output(*context.job, "solve.h5")),
        problem_(fmt::format("{} {} {} {:016x} {:016x} {} {}", problem.model.function, problem.model.kernel,
                             io::to_string(problem.model.precision), problem.model.train_hash,
                             problem.model.target_hash, problem.model.encoding,
                             ridge_text(context.job->solve))) {
    const auto saved = io::read_solver_state(comm_, path_, problem_);
    if (!saved) {
      if (io::solver_state_exists(comm_, path_))
        context.progress.warn(
            fmt::format("{} is of another solve (kernel, data or ridge): it is replaced", path_));
      return;
    }
    const auto part = [&](const Matrix<double>& whole) { return dist::part_of_whole(whole, gram_.part()); };
    initial_ = {saved->iterations, part(saved->x), part(saved->directions), part(saved->companions),
                part(saved->kept)};
    context.progress.note(
        fmt::format("solve      goes on behind iteration {} ({})", saved->iterations, path_));
  }

  const solvers::BlockCgState* initial() const { return initial_ ? &*initial_ : nullptr; }
  void save(const solvers::BlockCgState& state) const {
    const auto whole = [&](const Matrix<double>& part) {
      return dist::gather_parts(comm_, gram_.layout(), part.view());
    };
    io::write_solver_state(comm_, path_,
                           {problem_, state.iterations, whole(state.x), whole(state.directions),
                            whole(state.companions), whole(state.kept)});
  }
  void remove() const { io::remove_solver_state(comm_, path_); }

 private:
  const mpi::Communicator& comm_;
  const dist::LinearOperator& gram_;
  std::string path_;
  std::string problem_;
  std::optional<solvers::BlockCgState> initial_;
};

/// Leaves the solver, with its preconditioner, in `train`.
solvers::RegressionFit fit_by_cg(const CommandContext& context, const Problem& problem, GramInverse& train,
                                 double ridge, const Matrix<double>& local_targets, Metrics& metrics) {
  SolveProgress progress(context.progress, "solve", "");
  const Matrix<double> targets =
      dist::gather_parts(context.comm, problem.train.partition, solvers::transposed(local_targets).view());
  IterationStop stop(context.stop);
  ResidualHistory history;
  const auto solve = [&] {
    const PhaseClock preconditioning;
    prepare_cg(context, train, ridge);
    metrics.phase("preconditioner", preconditioning);
    const CgState state(context, problem, *train.gram);
    const solvers::CgHooks hooks{
        .observer = progress.observer(),
        .iterated = [&](Index iteration, double residual) { history.add(iteration, residual); },
        .stop = [&] { return stop(); },
        .save = [&](const solvers::BlockCgState& now) { state.save(now); },
        .save_every = context.job->gram.checkpoint_every.value,
        .initial = state.initial()};
    const PhaseClock iterating;
    solvers::RegressionFit result = train.cg->fit(targets.view(), hooks);
    metrics.phase("cg", iterating);
    context.progress.note(fmt::format("solve      {} iteration{}, relative residual {:.2g}",
                                      result.iterations, result.iterations == 1 ? "" : "s",
                                      result.relative_residual));
    if (result.relative_residual > 10 * context.job->solve.tolerance)
      context.progress.warn(
          fmt::format("PETSc options (-ksp_rtol, -ksp_atol) have left a relative residual of {:.2g}, where "
                      "solve.tolerance is {:g}",
                      result.relative_residual, context.job->solve.tolerance));
    metrics["solve"]["resumed_iterations"] = state.initial() != nullptr ? state.initial()->iterations : 0;
    state.remove();
    return result;
  };
  try {
    solvers::RegressionFit result = telling_why(context, stop, solve);
    metrics["solve"]["residuals"] = history.json();
    return result;
  } catch (const mpi::CollectiveError&) {
    metrics["solve"]["residuals"] = history.json();  // what a stopped run writes, too
    throw;
  }
}

/// The same; nothing where Cholesky is to take over.
std::optional<solvers::RegressionFit> try_cg(const CommandContext& context, const Problem& problem,
                                             GramInverse& train, double ridge,
                                             const Matrix<double>& local_targets, Metrics& metrics) {
  try {
    return fit_by_cg(context, problem, train, ridge, local_targets, metrics);
  } catch (const mpi::CollectiveError& error) {
    if (context.job->solve.budget == 0 || error.code() != ExitCode::numerical) throw;
    context.progress.warn(fmt::format("{}: Cholesky takes over", error.what()));
    metrics["solve"]["cg_gave_up"] = error.what();
  }
  train.cg.reset();
  train.gram.reset();
  io::remove_solver_state(context.comm, in_output(*context.job, "solve.h5"));
  return std::nullopt;
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

solvers::RegressionFit fit_mixed(const CommandContext& context, dist::DistributedMatrix<double> gram,
                                 const dist::DistributedMatrix<double>& targets, double ridge,
                                 Metrics& metrics) {
  SolveProgress progress(context.progress, "solve", "flops");
  const PhaseClock clock;
  solvers::MixedFit fit = solvers::fit_ridge_mixed(
      std::move(gram), targets,
      {.ridge = {.value = ridge, .relative = false}, .observer = progress.observer()});
  metrics.phase("factorisation", clock);
  metrics["solve"]["precision"] = fit.mixed ? "mixed" : "float64";
  if (!fit.mixed) {
    metrics["solve"]["precision_reason"] = fit.reason;
    context.progress.warn(fmt::format(
        "solve.precision = \"mixed\": double precision has taken over, with a relative residual of "
        "{:.2g}: {}",
        fit.fit.relative_residual, fit.reason));
  }
  return std::move(fit.fit);
}

/// Leaves the factor in `train`, but for one in float32.
solvers::RegressionFit fit_by_factor(const CommandContext& context, GramInverse& train,
                                     const dist::DistributedMatrix<double>& targets, double ridge, bool keep,
                                     Metrics& metrics) {
  const SolveSection& solve = context.job->solve;
  if (solve.precision == SolvePrecision::mixed && !keep && !solve.evidence)
    return fit_mixed(context, std::move(*std::exchange(train.matrix, nullptr)), targets, ridge, metrics);
  if (solve.precision == SolvePrecision::mixed) {
    const std::string reason =
        fmt::format("{} takes the factor in double", keep ? "predict.variance" : "solve.evidence");
    metrics["solve"]["precision"] = "float64";
    metrics["solve"]["precision_reason"] = reason;
    context.progress.note(fmt::format("solve      precision = \"mixed\" is left: {}", reason));
  }
  const PhaseClock factoring;
  factor_gram(context, train, ridge, "solve");
  metrics.phase("factorisation", factoring);
  const double seconds = factoring.seconds();
  const PhaseClock substituting;
  solvers::RegressionFit fit = solvers::fit_ridge(*train.factor, targets);
  metrics.phase("substitution", substituting);
  fit.seconds.factor = seconds;
  return fit;
}

/// A regression on its way into model.h5.
struct Fit {
  std::string method{};
  Matrix<double> local_targets{};
  double mean_diagonal = 0;   ///< of the Gram
  double relative_ridge = 0;  ///< to it
  io::RidgeChoice choice{};
  solvers::RegressionFit result{};
  std::optional<io::Evidence> evidence{};
  Timer timer{};
};

/// What the ways to a fit have in common.
io::Model finish(const CommandContext& context, const Problem& problem, Fit fit, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  solvers::RegressionFit& result = fit.result;
  io::Model model{.header = problem.model,
                  .alpha = std::move(result.alpha),
                  .ridge = fit.relative_ridge,
                  .ridge_absolute = result.ridge,
                  .method = fit.method,
                  .iterations = result.iterations,
                  .relative_residual = result.relative_residual,
                  .choice = std::move(fit.choice),
                  .evidence = fit.evidence};
  io::write_model(comm, in_output(*context.job, "model.h5"), model);

  // K alpha = targets - ridge alpha, as exact as the residual says.
  Matrix<double> fitted = fit.local_targets;
  for (Index i = 0; i < fitted.cols(); ++i)
    for (Index k = 0; k < fitted.rows(); ++k)
      fitted(k, i) -= result.ridge * model.alpha(problem.train.local.begin + i, k);
  write_scores(metrics["train"], score(comm, problem.train, fitted.view(), fit.local_targets.view()));

  Json& section = metrics["solve"];
  section["method"] = model.method;
  section["ridge"] = model.ridge;
  section["ridge_absolute"] = model.ridge_absolute;
  section["seconds"] = comm.max(fit.timer.seconds());
  section["factor_seconds"] = comm.max(result.seconds.factor);
  section["iterations"] = model.iterations;
  if (result.preconditioner.kind != "none")
    section["preconditioner"] = {{"kind", result.preconditioner.kind},
                                 {"rank", result.preconditioner.rank},
                                 {"trace_share", result.preconditioner.trace_share},
                                 {"seconds", comm.max(result.preconditioner.seconds)}};
  if (model.method == "cg") section["tolerance"] = context.job->solve.tolerance;
  section["relative_residual"] = model.relative_residual;
  return model;
}

}  // namespace

io::Model solve_stage(const CommandContext& context, const Problem& problem, GramInverse& train, bool keep,
                      Metrics& metrics) {
  const Job& job = *context.job;
  Fit fit{.method = factors_gram(job) ? "cholesky" : "cg",
          .local_targets = io::encode(problem.train, job.data.encoding)};
  fit.mean_diagonal = train.matrix ? dist::mean_diagonal(*train.matrix) : dist::mean_diagonal(*train.gram);
  if (fit.mean_diagonal == 0)
    throw mpi::CollectiveError(ExitCode::numerical,
                               "the diagonal of the training Gram is zero: every training sample is, or so "
                               "small that its square vanishes; scale the data (data.preprocess)");
  solvers::Ridge ridge = ridge_of(job.solve);
  std::optional<dist::DistributedMatrix<double>> targets;
  if (train.matrix)
    targets = dist::to_block_cyclic<double>(train.matrix->grid(), fit.local_targets.view(),
                                            problem.train.partition, train.matrix->block());
  if (!job.solve.ridges.empty()) {
    const PhaseClock choosing;
    fit.choice = choose_ridge(context, problem, *train.matrix, *targets, fit.mean_diagonal, metrics);
    metrics.phase("selection", choosing);
    ridge = {.value = fit.choice.best, .relative = true};
    mpi::stop_if_wanted(context.comm, context.stop,
                        "the ridge is picked, the solution is not there; run the same command again");
  }
  const double plain_ridge = ridge.value * (ridge.relative ? fit.mean_diagonal : 1.0);
  fit.relative_ridge = ridge.relative ? ridge.value : ridge.value / fit.mean_diagonal;
  if (!factors_gram(job)) {
    if (auto found = try_cg(context, problem, train, plain_ridge, fit.local_targets, metrics))
      fit.result = std::move(*found);
    else
      fit.method = "cholesky";
  }
  if (fit.method == "cholesky")
    fit.result = fit_by_factor(context, train, *targets, plain_ridge, keep, metrics);
  check_answer(fit.result);
  const PhaseClock weighing;
  fit.evidence = evidence_of(context, problem, fit.result, fit.local_targets, train.gram.get(), metrics);
  if (fit.evidence && fit.method == "cg") metrics.phase("evidence", weighing);  // a factor's costs nothing
  write_traffic(context, train, metrics);
  if (!keep) train = {};
  return finish(context, problem, std::move(fit), metrics);
}

}  // namespace widegram::jobs
