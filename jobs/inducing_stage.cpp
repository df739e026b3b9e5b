#include "jobs/inducing_stage.hpp"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "jobs/dkm_state.hpp"
#include "jobs/inducing_plan.hpp"
#include "jobs/inducing_prediction.hpp"
#include "jobs/inducing_training.hpp"
#include "jobs/output_folder.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// The machine that an earlier run has finished, if it is the job's.
std::optional<io::InducingModel> finished(const CommandContext& context, const Problem& problem,
                                          Index parameters) {
  const DkmSection& dkm = context.job->dkm;
  const std::string path = in_output(*context.job, "dkm.h5");
  if (!has_dkm_of(context, inducing_problem_text(dkm, problem))) return std::nullopt;
  std::optional<io::InducingModel> model = io::read_inducing_model(context.comm, path);
  const bool done = dkm.is_adam() ? model->epochs >= dkm.epochs
                                  : is_trained(model->end, model->tolerance, model->iterations, dkm);
  if (!done) return std::nullopt;
  if (std::ssize(model->parameters) != parameters || model->objective.empty())
    throw mpi::CollectiveError(ExitCode::files,
                               fmt::format("{}: holds no parameters of this machine: remove it", path));
  context.progress.note(
      fmt::format("dkm        is there, after {} iterations ({}): only predictions are made anew",
                  model->iterations, path));
  return model;
}

void report(const io::InducingModel& model, bool reused, Json& section) {
  section["kind"] = model.kind;
  section["kernel"] = model.kernel;
  section["likelihood"] = model.likelihood;
  section["parameters"] = model.parameters.size();
  section["noise"] = model.noise;
  section["objective"] = model.objective.back();
  section["iterations"] = model.iterations;
  section["epochs"] = model.epochs;
  section["best_epoch"] = model.best_epoch;
  section["end"] = model.end;
  section["reused"] = reused;
}

template <class Real>
void run_stage(const CommandContext& context, const Problem& problem, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const DkmSection& section = context.job->dkm;
  const JobOutline outline{problem.train.shape, problem.n(), problem.m()};
  const dkm::Keep keep = make_inducing_plan(context, outline).keep;
  const auto model = mpi::collectively(comm, [&] {
    if (section.is_categorical() && problem.train.target_kind != io::TargetKind::classes)
      throw Error(ExitCode::usage,
                  "dkm.likelihood = \"categorical\" needs classes, and the targets are values");
    return std::make_unique<dkm::Model<Real>>(
        inducing_spec(section, problem.train.shape, problem.train.outputs), keep);
  });
  const InducingSamples samples(context, problem.train);
  const InducingTask<Real> task{context, problem, *model, samples.samples(),
                                fit_whitening(context, problem.train)};
  std::optional<io::InducingModel> trained = finished(context, problem, model->parameter_count());
  const bool reused = trained.has_value();
  if (!reused) {
    trained = section.is_adam() ? train_by_adam(task, metrics) : train_by_bqnls(task, metrics);
    io::write_inducing_model(comm, in_output(*context.job, "dkm.h5"), *trained,
                             file_slices(model->parameters()), file_slices(model->parameters(), "gram"));
  }
  report(*trained, reused, metrics["dkm"]);
  context.progress.note(fmt::format("dkm        objective {:.10g} after {} iterations",
                                    trained->objective.back(), trained->iterations));
  predict_with_inducing(task, *trained, metrics);
}

}  // namespace

void inducing_dkm_stage(const CommandContext& context, const Problem& problem, Metrics& metrics) {
  if (context.job->dkm.precision == DkmPrecision::float32)
    run_stage<float>(context, problem, metrics);
  else
    run_stage<double>(context, problem, metrics);
}

}  // namespace widegram::jobs
