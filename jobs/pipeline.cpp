#include "jobs/pipeline.hpp"

#include <filesystem>
#include <utility>

#include "io/model.hpp"
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
  const std::string difference = io::difference(model, problem.header);
  if (!difference.empty())
    throw mpi::CollectiveError(ExitCode::usage,
                               path + " was fitted on another Gram: " + difference +
                                   "; run `widegram solve` with this job, or name its output folder");
  return model;
}

/// One precision's run. The Gram matrix lives from its assembly to the end of the fit.
template <class Real>
void run_parts(const CommandContext& context, const Parts& parts, Problem& problem, Metrics& metrics) {
  using OnMismatch = typename GramStage<Real>::OnMismatch;
  const bool only_predicts = parts.predict && !parts.solve;
  const std::optional<io::Model> stored =
      only_predicts ? std::optional(stored_model(context, problem)) : std::nullopt;
  GramStage<Real> gram(context, problem, metrics, parts.solve,
                       only_predicts ? OnMismatch::compute_without_store : OnMismatch::refuse);
  std::optional<io::Model> model = stored;
  if (parts.solve) {
    dist::DistributedMatrix<double> matrix(gram.grid(), problem.n(), problem.n(), gram.layout().block);
    gram.train(&matrix);
    model = solve_stage(context, problem, std::move(matrix), metrics);
  } else if (parts.gram) {
    gram.train();
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
  if (parts.predict && !parts.solve && job.data.test.empty())
    throw mpi::CollectiveError(ExitCode::usage, "predict needs a test set: set data.test in the job file");
  open_output_folder(context.comm, job);
  Metrics metrics(context.comm, job, context.line.command);
  Problem problem = load_problem(context, metrics);
  if (job.kernel.precision == io::Precision::float32)
    run_parts<float>(context, parts, problem, metrics);
  else
    run_parts<double>(context, parts, problem, metrics);
  metrics.write();
  return ExitCode::done;
}

}  // namespace widegram::jobs
