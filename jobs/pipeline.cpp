#include "jobs/pipeline.hpp"

#include <filesystem>
#include <span>
#include <utility>

#include "io/folder_lock.hpp"
#include "io/model.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/gram_stage.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/predict_stage.hpp"
#include "jobs/solve_stage.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

io::Model stored_model(const CommandContext& context, const Problem& problem) {
  const std::string path = (std::filesystem::path(context.job->output) / "model.h5").string();
  io::Model model = io::read_model(context.comm, path);
  const std::string difference = io::difference(model.header, problem.model);
  if (!difference.empty())
    throw mpi::CollectiveError(ExitCode::usage,
                               path + " was fitted on something else: " + difference +
                                   "; run `widegram solve` with this job, or name its output folder");
  return model;
}

/// One precision's run. The Gram matrix lives from its assembly to the end of the fit.
template <class Real>
void run_parts(const CommandContext& context, const Parts& parts, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const JobOutline outline = outline_job(context);
  GramFamily family = gram_family(job.kernel);
  auto engine = mpi::collectively(comm, [&] {
    return kernels::make_engine<Real>(std::span<const kernels::Network>(family.networks), outline.shape,
                                      job.gram.tile);
  });
  check_plan(context, make_plan<Real>(context, outline, *engine, family,
                                      parts.solve && job.gram.mode == GramMode::stored));

  Problem problem = load_problem(context, metrics);
  make_output_folder(comm, job);
  const io::FolderLock lock(comm, job.output);
  if (!lock.remark().empty()) context.progress.warn(lock.remark());
  std::optional<io::Model> model;
  if (parts.predict && !parts.solve) model = stored_model(context, problem);
  GramStage<Real> gram(context, problem, metrics, std::move(engine), std::move(family),
                       {.keeps_tests = parts.gram && !parts.predict && problem.test,
                        .needs_store = (parts.gram || parts.solve) && job.gram.mode != GramMode::recompute});
  claim_output_folder(comm, job);
  const auto check_stop = [&](const std::string& state) { mpi::stop_if_wanted(comm, context.stop, state); };
  check_stop("nothing was computed");
  std::optional<dist::DistributedMatrix<double>> matrix;
  if (parts.solve && job.gram.mode == GramMode::stored)
    matrix.emplace(gram.grid(), problem.n(), problem.n(), gram.layout().block);
  if ((parts.gram || parts.solve) && job.gram.mode != GramMode::recompute)
    gram.train(matrix ? &*matrix : nullptr);
  if (parts.solve) {
    check_stop("the Gram is there, the solution is not; run the same command again to go on");
    if (matrix)
      model = solve_stage(context, problem, *std::exchange(matrix, std::nullopt), metrics);
    else if (job.gram.mode == GramMode::out_of_core)
      model = solve_stage(context, problem, gram.file_operator(), metrics);
    else
      model = solve_stage(context, problem, gram.recompute_operator(), metrics);
  }
  if (parts.predict && problem.test)
    predict_stage(context, problem, *model, gram, metrics);
  else if (parts.gram)
    gram.test();
  gram.finish();
}

}  // namespace

ExitCode run_parts(const CommandContext& context, const Parts& parts) {
  const Job& job = *context.job;
  if (parts.gram && !parts.solve && job.gram.mode == GramMode::recompute)
    throw mpi::CollectiveError(ExitCode::usage,
                               "gram.mode = \"recompute\" keeps no Gram, so there is nothing for 'gram' to "
                               "do: run 'solve' or 'run', "
                               "or take another mode");
  if (parts.solve && job.gram.mode != GramMode::stored && job.solve.method == Method::cholesky)
    throw mpi::CollectiveError(
        ExitCode::usage,
        "solve.method = \"cholesky\" needs the Gram in memory: take gram.mode = \"stored\", or method "
        "= \"cg\"");
  if (parts.predict && !parts.solve && job.data.test.empty())
    throw mpi::CollectiveError(ExitCode::usage, "predict needs a test set: set data.test in the job file");
  Metrics metrics(context.comm, job, context.line.command);
  try {
    if (job.kernel.precision == io::Precision::float32)
      run_parts<float>(context, parts, metrics);
    else
      run_parts<double>(context, parts, metrics);
  } catch (const mpi::CollectiveError& error) {
    if (error.code() != ExitCode::stopped) throw;
    metrics.set("stopped", error.what());
    metrics.write();
    throw;
  }
  metrics.write();
  return ExitCode::done;
}

}  // namespace widegram::jobs
