#include "jobs/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "io/folder_lock.hpp"
#include "io/model.hpp"
#include "jobs/dynamics_stage.hpp"
#include "jobs/gram_inverse.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/gram_stage.hpp"
#include "jobs/method_choice.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/predict_stage.hpp"
#include "jobs/solve_stage.hpp"
#include "jobs/spectrum_stage.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Whether the job's ridge is another one than the model's; several to pick from say nothing.
bool other_ridge(const SolveSection& solve, const io::Model& model) {
  if (!solve.ridges.empty()) return false;
  const auto differ = [](double a, double b) {
    return std::abs(a - b) > 1e-9 * std::max(std::abs(a), std::abs(b));
  };
  return solve.ridge_absolute ? differ(*solve.ridge_absolute, model.ridge_absolute)
                              : differ(solve.ridge, model.ridge);
}

io::Model stored_model(const CommandContext& context, const Problem& problem, Metrics& metrics) {
  const std::string path = in_output(*context.job, "model.h5");
  io::Model model = io::read_model(context.comm, path);
  const std::string difference = io::difference(model.header, problem.model);
  if (!difference.empty())
    throw mpi::CollectiveError(ExitCode::usage,
                               path + " was fitted on something else: " + difference +
                                   "; run `widegram solve` with this job, or name its output folder");
  if (other_ridge(context.job->solve, model))
    context.progress.warn(
        fmt::format("{} was fitted with ridge {:.6g} ({:.6g} in plain numbers), not with the job's: run "
                    "`widegram solve` for that one",
                    path, model.ridge, model.ridge_absolute));
  metrics["model"] = {
      {"ridge", model.ridge}, {"ridge_absolute", model.ridge_absolute}, {"method", model.method}};
  return model;
}

/// The job with its method chosen, where a part solves on the Gram.
Job with_method(const CommandContext& context, const Parts& parts, const JobOutline& outline,
                Metrics& metrics) {
  const Job& job = *context.job;
  if (!parts.solve) return job;
  const MethodChoice choice = choose_method(context, parts, job_layout(context, outline));
  if (job.solve.method == Method::automatic) metrics["solve"]["method_reason"] = choice.reason;
  return with_method(job, choice);
}

/// One precision's run. The Gram matrix lives from its assembly to the end of the fit.
template <class Real>
void run_parts(const CommandContext& asked, const Parts& parts, Metrics& metrics, bool& claimed) {
  const mpi::Communicator& comm = asked.comm;
  const JobOutline outline = outline_job(asked);
  const Job job = with_method(asked, parts, outline, metrics);
  CommandContext context = asked;
  context.job = &job;
  GramFamily family = gram_family(job.kernel);
  auto engine = mpi::collectively(comm, [&] {
    return kernels::make_engine<Real>(std::span<const kernels::Network>(family.networks), outline.shape,
                                      job.gram.tile);
  });
  if (parts.spectrum) check_spectrum(job, outline.train_samples);
  if (parts.dynamics) check_dynamics(job);
  check_plan(context, make_plan<Real>(context, outline, *engine, family, solver_bytes(job, parts, outline)));

  Problem problem = load_problem(context, metrics);
  make_output_folder(comm, job);
  const io::FolderLock lock(comm, job.output);
  if (!lock.remark().empty()) context.progress.warn(lock.remark());
  std::optional<io::Model> model;
  if (parts.predict && !parts.solve) model = stored_model(context, problem, metrics);
  const bool variance = wants_variance(job, parts);
  const bool on_train = parts.solve || parts.spectrum || parts.dynamics || variance;  // worked on as a matrix
  const bool uses_train = parts.gram || on_train;
  GramStage<Real> gram(context, problem, metrics, std::move(engine), std::move(family),
                       {.keeps_tests = parts.gram && !parts.predict && problem.test,
                        .needs_store = uses_train && job.gram.mode != GramMode::recompute});
  const auto check_stop = [&](const std::string& state) { mpi::stop_if_wanted(comm, context.stop, state); };
  check_stop("nothing was computed");
  claim_output_folder(comm, *asked.job);
  claimed = true;
  GramInverse train;
  if (on_train && job.gram.mode == GramMode::stored)
    train.matrix = std::make_unique<dist::DistributedMatrix<double>>(gram.grid(), problem.n(), problem.n(),
                                                                     gram.layout().block);
  if (uses_train && job.gram.mode != GramMode::recompute) gram.train(train.matrix.get());
  if (on_train && job.gram.mode == GramMode::out_of_core)
    train.gram = std::make_unique<io::GramFileOperator>(gram.file_operator());
  if (on_train && job.gram.mode == GramMode::recompute)
    train.gram = std::make_unique<gram::RecomputeOperator<Real>>(gram.recompute_operator());
  if (parts.solve) {
    check_stop("the Gram is there, the solution is not; run the same command again to go on");
    model = solve_stage(context, problem, train, variance, metrics);
  }
  if (parts.spectrum) {
    const PhaseClock decomposing;
    check_stop("the Gram is there, its spectrum is not; run the same command again to go on");
    if (train.matrix)
      spectrum_stage(context, problem, std::move(*std::exchange(train.matrix, nullptr)), metrics);
    else
      spectrum_stage(context, problem, *train.gram, metrics);
    metrics.phase("spectrum", decomposing);
  }
  if (parts.dynamics) {
    const PhaseClock training;
    const double written = gram.written();
    check_stop("the Gram is there, the training dynamics are not; run the same command again to go on");
    LearnedDynamics learned =
        train.matrix
            ? learn_dynamics(context, problem, std::move(*std::exchange(train.matrix, nullptr)), metrics)
            : learn_dynamics(context, problem, *train.gram, metrics);
    dynamics_stage(context, problem, std::move(learned), gram, metrics);
    metrics.phase("dynamics", training, gram.written() - written);
  }
  const PhaseClock predicting;
  const double written = gram.written();
  if (parts.predict && problem.test)
    predict_stage(context, problem, *model, gram, variance ? &train : nullptr, metrics);
  else if (parts.gram)
    gram.test();
  if (problem.test && (parts.predict || parts.gram))
    metrics.phase("predict", predicting, gram.written() - written);
  train = {};  // ahead of the files that it may read
  gram.finish();
}

}  // namespace

bool wants_variance(const Job& job, const Parts& parts) {
  return parts.predict && job.predict.variance && !job.data.test.empty();
}

std::string clash(const Job& job, const Parts& parts) {
  const bool stored = job.gram.mode == GramMode::stored;
  if (job.kernel.network.empty())
    return "kernel.preset or kernel.layers is missing: say which network; a deep kernel machine, [dkm], is "
           "trained, and predicts "
           "once it is trained, by the command 'dkm'";
  if (parts.predict && job.predict.variance && job.kernel.function == kernels::Function::ntk &&
      (!job.kernel.both || job.gram.mode == GramMode::recompute))
    return "predict.variance with kernel.function = \"ntk\" is that of an ensemble of networks and needs "
           "their "
           "NNGP Gram beside the NTK: set kernel.both = true with gram.mode = \"stored\" or \"out-of-core\"; "
           "or "
           "take kernel.function = \"nngp\" for the posterior of a Gaussian process";
  if (parts.predict && !parts.solve && job.data.test.empty())
    return "predict needs a test set: set data.test in the job file";
  if (parts.gram && !parts.solve && job.gram.mode == GramMode::recompute)
    return "gram.mode = \"recompute\" keeps no Gram, so there is nothing for 'gram' to do: run 'solve' or "
           "'run', or take "
           "another mode";
  if (job.gram.mode == GramMode::recompute && (job.kernel.both || !job.kernel.depths.empty()))
    return "gram.mode = \"recompute\" keeps no Gram, so kernel.both and kernel.depths have nothing to do: "
           "take them out, or "
           "take another mode";
  if (!parts.solve && !wants_variance(job, parts)) return {};
  if (!stored && job.solve.method == Method::cholesky)
    return "solve.method = \"cholesky\" needs the Gram in memory: take gram.mode = \"stored\", or method = "
           "\"cg\"";
  if (!stored && !job.solve.ridges.empty())
    return "solve.ridges needs the Gram in memory: take gram.mode = \"stored\", or one ridge";
  if ((!stored || job.solve.method == Method::cg) && job.solve.precision == SolvePrecision::mixed)
    return "solve.precision = \"mixed\" is Cholesky's: take it out, or take method = \"cholesky\" and "
           "gram.mode = \"stored\"";
  return {};
}

ExitCode run_parts(const CommandContext& context, const Parts& parts) {
  const Job& job = *context.job;
  if (const std::string message = clash(job, parts); !message.empty())
    throw mpi::CollectiveError(ExitCode::usage, message);
  Metrics metrics(context.comm, job, context.line.command);
  bool claimed = false;  // until then the metrics.json in the folder is that of the last run
  try {
    if (job.kernel.precision == io::Precision::float32)
      run_parts<float>(context, parts, metrics, claimed);
    else
      run_parts<double>(context, parts, metrics, claimed);
  } catch (const mpi::CollectiveError& error) {
    if (error.code() != ExitCode::stopped || !claimed) throw;
    metrics.set("stopped", error.what());
    metrics.write();
    throw;
  }
  metrics.write();
  return ExitCode::done;
}

}  // namespace widegram::jobs
