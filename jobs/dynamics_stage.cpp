#include "jobs/dynamics_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "io/encoding.hpp"
#include "jobs/cross_tiles.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/test_outputs.hpp"
#include "solvers/block_algebra.hpp"
#include "solvers/early_stopping.hpp"
#include "solvers/ensemble_variance.hpp"
#include "solvers/krylov_training.hpp"
#include "solvers/scores.hpp"
#include "src/base/fingerprint.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/stored_operator.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {
namespace {

constexpr std::uint64_t hold_out_seed = 0;
constexpr GlobalIndex largest_by_eigen = 10000;  // samples that "auto" decomposes

[[noreturn]] void refuse(const std::string& message) { throw mpi::CollectiveError(ExitCode::usage, message); }

bool by_eigen(const Job& job, GlobalIndex n) {
  if (job.gram.mode != GramMode::stored || job.dynamics.method == DynamicsMethod::krylov) return false;
  return job.dynamics.method == DynamicsMethod::eigen || job.dynamics.variance || n <= largest_by_eigen;
}

/// A set's encoded targets, a sample a row, the whole of them on every rank.
Matrix<double> whole_targets(const CommandContext& context, const io::DataSet& set) {
  const Matrix<double> local = io::encode(set, context.job->data.encoding);
  return dist::gather_parts(context.comm, set.partition, solvers::transposed(local).view());
}

struct Score {
  double loss = 0;
  std::optional<double> accuracy{};
};

/// Of some samples' outputs, a sample a row.
Score score(MatrixView<const double> outputs, MatrixView<const double> targets,
            std::span<const GlobalIndex> rows, bool classes) {
  Matrix<double> truth(std::ssize(rows), targets.cols);
  Matrix<double> residuals(truth.rows(), truth.cols());
  for (Index k = 0; k < truth.cols(); ++k)
    for (Index i = 0; i < truth.rows(); ++i) {
      truth(i, k) = targets(rows[static_cast<std::size_t>(i)], k);
      residuals(i, k) = truth(i, k) - outputs(rows[static_cast<std::size_t>(i)], k);
    }
  Score found{.loss = solvers::mean_square(residuals.view()) / 2};
  if (classes) found.accuracy = solvers::accuracy_from_residuals(truth.view(), residuals.view());
  return found;
}

void append(io::LossCurve& curve, const Score& point) {
  curve.loss.push_back(point.loss);
  if (point.accuracy) curve.accuracy.push_back(*point.accuracy);
}

/// A training set, in part held out, and what is asked of it.
struct Task {
  Matrix<double> targets;
  std::optional<solvers::HoldOutSplit> split{};
  std::vector<GlobalIndex> fitted{};
  solvers::TrainingOptions training{};
  double mean_diagonal = 0;
  bool classes = false;
  Timer timer{};
};

Task make_task(const CommandContext& context, const Problem& problem, double mean_diagonal) {
  const DynamicsSection& section = context.job->dynamics;
  Task task{
      .targets = whole_targets(context, problem.train),
      .training = {.descent = section.descent, .rate = section.rate, .ridge = section.ridge * mean_diagonal},
      .mean_diagonal = mean_diagonal,
      .classes = problem.train.target_kind == io::TargetKind::classes};
  if (section.validation > 0)
    task.split = solvers::split_random(problem.n(), section.validation, hold_out_seed);
  task.fitted = task.split ? task.split->fitted : solvers::in_order(problem.n());
  return task;
}

std::optional<io::EarlyStop> early_stop(const CommandContext& context, const Task& task,
                                        const solvers::TrainingPath& path) {
  if (!task.split) return std::nullopt;
  const auto validation = [&](const Matrix<double>& outputs) {
    return score(outputs.view(), task.targets.view(), task.split->held_out, task.classes);
  };
  const solvers::BestTime best =
      solvers::best_time(context.job->dynamics.times, task.training.descent,
                         [&](double t) { return context.comm.broadcast(validation(path.outputs(t)).loss); });
  const Matrix<double> outputs = path.outputs(best.time);
  const Score held_out = validation(outputs);
  return io::EarlyStop{
      .time = best.time,
      .validation_loss = held_out.loss,
      .validation_accuracy = held_out.accuracy,
      .train_loss = score(outputs.view(), task.targets.view(), task.fitted, task.classes).loss,
      .state = {path.coefficients(best.time), {}}};
}

/// What both ways have in common once training is known.
io::Dynamics follow(const CommandContext& context, const Problem& problem, const Task& task,
                    const solvers::TrainingPath& path, const char* method, Metrics& metrics) {
  const DynamicsSection& section = context.job->dynamics;
  io::Dynamics dynamics{.header = problem.model,
                        .n = problem.n(),
                        .held_out = task.split ? std::ssize(task.split->held_out) : 0,
                        .method = method,
                        .descent = section.descent == solvers::Descent::flow ? "flow" : "steps",
                        .rate = path.law().options().rate,
                        .largest_stable_rate = path.largest_stable_rate(),
                        .largest_eigenvalue = path.largest_eigenvalue(),
                        .ridge = section.ridge,
                        .ridge_absolute = task.training.ridge,
                        .times = section.times};
  for (const double t : section.times) {
    const Matrix<double> outputs = path.outputs(t);
    append(dynamics.train, score(outputs.view(), task.targets.view(), task.fitted, task.classes));
    if (task.split)
      append(dynamics.validation,
             score(outputs.view(), task.targets.view(), task.split->held_out, task.classes));
    dynamics.states.push_back({path.coefficients(t), {}});
  }
  dynamics.best = early_stop(context, task, path);
  metrics["dynamics"]["seconds"] = context.comm.max(task.timer.seconds());
  return dynamics;
}

/// Lanczos' vectors have to fit beside what is there.
void check_basis(const CommandContext& context, const Task& task) {
  const DynamicsSection& section = context.job->dynamics;
  const Index steps = std::min(section.max_steps, task.targets.rows());
  const double bytes = static_cast<double>(sizeof(double)) * static_cast<double>(steps) *
                       static_cast<double>(task.targets.cols() + 1) *
                       static_cast<double>(ceil_div(task.targets.rows(), context.comm.size()));
  const MemoryAllowance allowed = memory_allowance(context);
  if (bytes > allowed.bytes)
    refuse(
        fmt::format("dynamics.max_steps = {}: {} steps for {} targets and {} samples take {} a rank, "
                    "which may use {}: use more ranks, or lower it",
                    section.max_steps, steps, task.targets.cols(), task.targets.rows(), readable_bytes(bytes),
                    readable_bytes(allowed.bytes)));
}

io::Dynamics learn_by_krylov(const CommandContext& context, const Problem& problem, const Task& task,
                             const dist::LinearOperator& gram, Metrics& metrics) {
  const DynamicsSection& section = context.job->dynamics;
  check_basis(context, task);
  Phase phase(context.progress, "dynamics", std::min(section.max_steps, problem.n()), "steps at most");
  const std::span<const GlobalIndex> held_out =
      task.split ? std::span<const GlobalIndex>(task.split->held_out) : std::span<const GlobalIndex>();
  const solvers::KrylovTraining path(
      gram, task.targets.view(), held_out, section.times,
      {.training = task.training,
       .tolerance = section.tolerance,
       .max_steps = section.max_steps,
       .check_stop =
           [&] {
             mpi::stop_if_wanted(
                 context.comm, context.stop,
                 "the Gram is there, the training dynamics are not; run the same command again to go on");
           },
       .observer = [&](Index done, Index) { phase.update(done); }});
  phase.finish();
  io::Dynamics dynamics = follow(context, problem, task, path, "krylov", metrics);
  dynamics.steps = path.steps();
  dynamics.residual = path.residual();
  dynamics.coefficient_error = path.coefficient_error();
  return dynamics;
}

/// The coefficients of all times side by side, those of the early stop last.
Matrix<double> all_coefficients(const io::Dynamics& dynamics) {
  std::vector<const Matrix<double>*> blocks;
  for (const io::TrainedState& state : dynamics.states) blocks.push_back(&state.alpha);
  if (dynamics.best) blocks.push_back(&dynamics.best->state.alpha);
  const Index k = blocks.front()->cols();
  Matrix<double> all(blocks.front()->rows(), k * std::ssize(blocks));
  for (std::size_t b = 0; b < blocks.size(); ++b)
    std::copy_n(blocks[b]->data(), all.rows() * k, all.column(static_cast<Index>(b) * k));
  return all;
}

/// Calls visit(state) for each time, the early stop's last.
template <class Visit>
void for_each_state(io::Dynamics& dynamics, Visit&& visit) {
  for (io::TrainedState& state : dynamics.states) visit(state);
  if (dynamics.best) visit(dynamics.best->state);
}

/// Of the ensemble of networks, in the order of for_each_state(), from the test x train tiles that `consume`
/// hears of too.
template <class Real>
std::vector<std::vector<double>> test_variances(const CommandContext& context, const Problem& problem,
                                                const LearnedDynamics& learned, GramStage<Real>& gram,
                                                const typename GramStage<Real>::TestConsumer& consume) {
  const CrossTiles<Real> tiles(context, problem.m(), gram, consume, "the Gram is there");
  // The kernel that trains is the NTK, beside the NNGP of the initialisation; or the NNGP is both.
  const std::size_t nngp = context.job->kernel.function == kernels::Function::ntk ? 1 : 0;
  const auto cross = [&](Range tests, dist::DistributedMatrix<double>& own,
                         dist::DistributedMatrix<double>& other) {
    if (nngp == 1) return tiles.provide(tests, {&own, &other});
    tiles.provide(tests, {&own});
    other = own.copy();
  };
  std::vector<double> times = learned.dynamics.times;
  if (learned.dynamics.best) times.push_back(learned.dynamics.best->time);
  const io::GramFileOperator file = gram.file_operator(nngp);
  std::vector<std::vector<double>> variances = solvers::ensemble_variance(
      *learned.training, times, file, gram.test_diagonal(nngp), cross, test_stretch(gram.layout()));
  gram.end_test();
  return variances;
}

template <class Real>
void add_test_set(const CommandContext& context, const Problem& problem, GramStage<Real>& gram,
                  LearnedDynamics& learned) {
  io::Dynamics& dynamics = learned.dynamics;
  const io::DataSet& test = *problem.test;
  dynamics.test_hash = checksum(std::span(problem.header.test_samples));
  std::vector<std::vector<double>> variances;
  TestPass<Real> with_variances;
  if (learned.training)
    with_variances = [&](const typename GramStage<Real>::TestConsumer& consume) {
      variances = test_variances<Real>(context, problem, learned, gram, consume);
    };
  const Matrix<double> outputs =
      test_outputs(context, problem, all_coefficients(dynamics).view(), gram, with_variances);
  const Matrix<double> targets = whole_targets(context, test);
  const std::vector<GlobalIndex> rows = solvers::in_order(problem.m());
  const bool classes = test.target_kind == io::TargetKind::classes;
  const Index k = targets.cols();
  Index place = 0;
  const auto take = [&](io::TrainedState& state) {
    state.test_mean = Matrix<double>(problem.m(), k);
    std::copy_n(outputs.column(k * place++), problem.m() * k, state.test_mean.data());
    return score(state.test_mean.view(), targets.view(), rows, classes);
  };
  if (!variances.empty()) {
    std::size_t i = 0;
    for_each_state(dynamics,
                   [&](io::TrainedState& state) { state.test_variance = std::move(variances[i++]); });
  }
  for (io::TrainedState& state : dynamics.states) append(dynamics.test, take(state));
  if (!dynamics.best) return;
  const Score at_best = take(dynamics.best->state);
  dynamics.best->test_loss = at_best.loss;
  dynamics.best->test_accuracy = at_best.accuracy;
}

/// JSON has no infinity.
Json time_json(double t) { return std::isinf(t) ? Json("inf") : Json(t); }

void write_metrics(const io::Dynamics& dynamics, Json& section) {
  section["method"] = dynamics.method;
  section["descent"] = dynamics.descent;
  section["rate"] = dynamics.rate;
  section["largest_stable_rate"] = dynamics.largest_stable_rate;
  section["largest_eigenvalue"] = dynamics.largest_eigenvalue;
  section["ridge"] = dynamics.ridge;
  section["ridge_absolute"] = dynamics.ridge_absolute;
  section["held_out"] = dynamics.held_out;
  if (dynamics.steps > 0) {
    section["steps"] = dynamics.steps;
    section["residual"] = dynamics.residual;
    section["coefficient_error"] = dynamics.coefficient_error;
  }
  Json& points = section["path"] = Json::array();
  for (std::size_t i = 0; i < dynamics.times.size(); ++i) {
    Json& point = points.emplace_back(Json{{"time", time_json(dynamics.times[i])}});
    const auto add = [&](const std::string& set, const io::LossCurve& curve) {
      if (!curve.loss.empty()) point[set + "_loss"] = curve.loss[i];
      if (!curve.accuracy.empty()) point[set + "_accuracy"] = curve.accuracy[i];
    };
    add("train", dynamics.train);
    add("validation", dynamics.validation);
    add("test", dynamics.test);
    if (const std::vector<double>& variance = dynamics.states[i].test_variance; !variance.empty())
      point["test_variance_mean"] =
          std::accumulate(variance.begin(), variance.end(), 0.0) / static_cast<double>(variance.size());
  }
  if (!dynamics.best) return;
  const io::EarlyStop& best = *dynamics.best;
  Json& stop = section["best"] = {{"time", time_json(best.time)},
                                  {"train_loss", best.train_loss},
                                  {"validation_loss", best.validation_loss}};
  if (best.validation_accuracy) stop["validation_accuracy"] = *best.validation_accuracy;
  if (best.test_loss) stop["test_loss"] = *best.test_loss;
  if (best.test_accuracy) stop["test_accuracy"] = *best.test_accuracy;
}

}  // namespace

void check_dynamics(const Job& job) {
  const DynamicsSection& section = job.dynamics;
  if (section.method == DynamicsMethod::eigen && job.gram.mode != GramMode::stored)
    refuse(
        "dynamics.method = \"eigen\" needs the Gram in memory: take gram.mode = \"stored\", or method = "
        "\"krylov\"");
  if (section.variance && job.data.test.empty())
    refuse("dynamics.variance is that of the outputs at the test samples: set data.test, or take it out");
  if (section.variance && (job.gram.mode != GramMode::stored || section.method == DynamicsMethod::krylov))
    refuse(
        "dynamics.variance needs an eigendecomposition: take gram.mode = \"stored\" and no method = "
        "\"krylov\"");
  if (section.variance && job.kernel.function == kernels::Function::ntk && !job.kernel.both)
    refuse(
        "dynamics.variance with kernel.function = \"ntk\" needs the NNGP Gram of the initialisation beside "
        "the NTK: set "
        "kernel.both = true");
  if (section.descent == solvers::Descent::steps)
    for (const double t : section.times)
      if (std::isfinite(t) && t != std::floor(t))
        refuse(
            fmt::format("dynamics.times: {} is no number of steps: give whole numbers, or take descent = "
                        "\"flow\"",
                        t));
}

Index dynamics_entry_bytes(const Job& job, GlobalIndex n) {
  if (job.gram.mode != GramMode::stored) return 0;
  // See solvers::eigendecompose(); what is held out takes less than it spares there.
  return static_cast<Index>(sizeof(double)) * (by_eigen(job, n) ? 4 : 1);
}

std::string dynamics_path(const Job& job) { return in_output(job, "dynamics.h5"); }

LearnedDynamics learn_dynamics(const CommandContext& context, const Problem& problem,
                               dist::DistributedMatrix<double> gram, Metrics& metrics) {
  const Task task = make_task(context, problem, dist::mean_diagonal(gram));
  if (!by_eigen(*context.job, problem.n()))
    return {learn_by_krylov(context, problem, task, dist::StoredOperator(gram), metrics)};
  dist::DistributedMatrix<double> targets(gram.grid(), task.targets.rows(), task.targets.cols(),
                                          gram.block());
  dist::scatter<double>(task.targets.view(), targets);
  Phase phase(context.progress, "dynamics", std::ssize(task.fitted), "eigenvalues");
  auto path = std::make_unique<solvers::EigenTraining>(std::move(gram), targets, task.split, task.training);
  phase.finish();
  LearnedDynamics learned{follow(context, problem, task, *path, "eigen", metrics)};
  if (context.job->dynamics.variance) learned.training = std::move(path);
  return learned;
}

LearnedDynamics learn_dynamics(const CommandContext& context, const Problem& problem,
                               const dist::LinearOperator& gram, Metrics& metrics) {
  const Task task = make_task(context, problem, dist::mean_diagonal(gram));
  return {learn_by_krylov(context, problem, task, gram, metrics)};
}

template <class Real>
void dynamics_stage(const CommandContext& context, const Problem& problem, LearnedDynamics learned,
                    GramStage<Real>& gram, Metrics& metrics) {
  if (problem.test) add_test_set(context, problem, gram, learned);
  io::write_dynamics(context.comm, dynamics_path(*context.job), learned.dynamics);
  write_metrics(learned.dynamics, metrics["dynamics"]);
}

template void dynamics_stage(const CommandContext&, const Problem&, LearnedDynamics, GramStage<float>&,
                             Metrics&);
template void dynamics_stage(const CommandContext&, const Problem&, LearnedDynamics, GramStage<double>&,
                             Metrics&);

std::string to_text(const io::Dynamics& dynamics) {
  std::string text = fmt::format(
      "training on the {} Gram of {} samples{} by gradient {}\n  {:<20}{:.6g}; stable below {:.6g}\n",
      dynamics.header.function, dynamics.n - dynamics.held_out,
      dynamics.held_out > 0 ? fmt::format(", {} more held out,", dynamics.held_out) : "",
      dynamics.descent == "flow" ? "flow" : "descent", "learning rate", dynamics.rate,
      dynamics.largest_stable_rate);
  struct Column {
    const char* title;
    const std::vector<double>& values;
    bool percent;
  };
  std::vector<Column> columns;
  const auto add = [&](const char* loss, const char* accuracy, const io::LossCurve& curve) {
    if (!curve.loss.empty()) columns.push_back({loss, curve.loss, false});
    if (!curve.accuracy.empty()) columns.push_back({accuracy, curve.accuracy, true});
  };
  add("train loss", "right, %", dynamics.train);
  add("validation loss", "right, %", dynamics.validation);
  add("test loss", "right, %", dynamics.test);
  text += fmt::format("\n  {:>12}", dynamics.descent == "flow" ? "time" : "steps");
  for (const Column& column : columns) text += fmt::format("{:>{}}", column.title, column.percent ? 10 : 17);
  text += '\n';
  for (std::size_t i = 0; i < dynamics.times.size(); ++i) {
    text += fmt::format("  {:>12.6g}", dynamics.times[i]);
    for (const Column& column : columns)
      text += column.percent ? fmt::format("{:>10.2f}", 100 * column.values[i])
                             : fmt::format("{:>17.6g}", column.values[i]);
    text += '\n';
  }
  if (!dynamics.best) return text;
  const io::EarlyStop& best = *dynamics.best;
  text +=
      fmt::format("\n  {:<20}{:.6g}: validation loss {:.6g}", "best time", best.time, best.validation_loss);
  if (best.test_loss) text += fmt::format(", test loss {:.6g}", *best.test_loss);
  if (best.test_accuracy) text += fmt::format(", {:.2f} % of the test set right", 100 * *best.test_accuracy);
  return text + '\n';
}

}  // namespace widegram::jobs
