#include "jobs/dkm_stage.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "io/encoding.hpp"
#include "jobs/dkm_plan.hpp"
#include "jobs/dkm_prediction.hpp"
#include "jobs/dkm_state.hpp"
#include "jobs/dkm_training.hpp"
#include "jobs/output_folder.hpp"
#include "src/dist/redistribute.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// The machine that an earlier run has finished, if it is the job's.
std::optional<DkmTraining> finished(const CommandContext& context, const Problem& problem,
                                    const dist::ProcessGrid& grid) {
  const std::string path = in_output(*context.job, "dkm.h5");
  if (!has_dkm_of(context, dkm_problem_text(context.job->dkm, problem))) return std::nullopt;
  std::optional<io::DkmModel> model = io::read_dkm(context.comm, path);
  if (!model || !is_trained(model->end, model->tolerance, model->iterations(), context.job->dkm))
    return std::nullopt;
  context.progress.note(
      fmt::format("dkm        is there, {} after {} iterations ({}): only predictions are made anew",
                  model->end == "iterations" ? "ended" : model->end, model->iterations(), path));
  DkmTraining training{std::move(*model), {}};
  for (Index layer = 1; layer <= training.model.layers(); ++layer) {
    training.grams.emplace_back(grid, training.model.n, training.model.n);
    io::read_dkm_gram(path, layer, training.grams.back());
  }
  return training;
}

void report(const io::DkmModel& model, bool reused, Json& section) {
  section["kind"] = model.kind;
  section["kernel"] = model.kernel;
  section["depth"] = model.layers();
  section["nu"] = model.nu;
  section["noise"] = model.noise;
  section["objective"] = model.objective.back();
  section["nngp_objective"] = model.objective.front();
  section["iterations"] = model.iterations();
  section["gradient_norm"] = model.gradient_norm;
  section["end"] = model.end;
  section["reused"] = reused;
}

}  // namespace

void full_dkm_stage(const CommandContext& context, const Problem& problem, Metrics& metrics) {
  const mpi::Communicator& comm = context.comm;
  const DkmSection& section = context.job->dkm;
  const dist::ProcessGrid grid = dist::ProcessGrid::square(comm);
  const auto map = mpi::collectively(comm, [&] { return dkm::make_kernel_map<double>(section.map); });
  const DkmInputs inputs = DkmInputs::of(grid, problem.train);
  const Matrix<double> encoded = io::encode(problem.train, context.job->data.encoding);
  auto targets = dist::to_block_cyclic<double>(grid, encoded.view(), problem.train.partition);

  std::optional<DkmTraining> training = finished(context, problem, grid);
  const bool reused = training.has_value();
  if (!reused) training = train_full_dkm(context, problem, *map, inputs.gram(), targets.copy(), metrics);
  report(training->model, reused, metrics["dkm"]);
  context.progress.note(fmt::format(
      "dkm        objective {:.10g} after {} iterations; {:.10g} for the infinitely wide "
      "network",
      training->model.objective.back(), training->model.iterations(), training->model.objective.front()));

  if (problem.test)
    compare_with_nngp(context, problem, inputs, *map, targets, training->model.noise,
                      metrics["dkm"]["nngp_test"]);
  dkm::FullMachine machine{.grams = {},
                           .targets = std::move(targets),
                           .noise = training->model.noise,
                           .jitter = training->model.jitter};
  machine.grams.push_back(inputs.gram());
  for (auto& gram : training->grams) machine.grams.push_back(std::move(gram));
  const dkm::FullPredictor predictor(*map, std::move(machine));
  predict_with_dkm(context, problem, inputs, predictor, training->model.noise, metrics);
}

}  // namespace widegram::jobs
