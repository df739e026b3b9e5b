#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "io/solver_state.hpp"
#include "jobs/dkm_plan.hpp"
#include "jobs/dkm_state.hpp"
#include "jobs/inducing_training.hpp"
#include "jobs/output_folder.hpp"
#include "solvers/tao.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

using solvers::TaoResult;
using solvers::TaoWish;

const std::vector<std::string>& list_names() {
  static const std::vector<std::string> names{"points", "gradients", "objective", "seconds"};
  return names;
}

/// One run of the optimiser on all samples: each rank evaluates those that it holds, and holds its part of
/// the optimiser's vectors.
template <class Real>
class FullBatchTraining {
 public:
  FullBatchTraining(const InducingTask<Real>& task, Metrics& metrics)
      : task_(task),
        context_(task.context),
        section_(task.context.job->dkm),
        path_(in_output(*task.context.job, "dkm-state.h5")),
        model_(untrained(task)),
        part_(dkm::share_of(context_.comm, task.model.parameter_count())),
        parameters_(static_cast<std::size_t>(task.model.parameter_count())),
        gradient_(parameters_.size()),
        reduce_(dkm::reduce_over(context_.comm)),
        json_(metrics["dkm"]) {
    const Range held = task.problem.train.local;
    ids_.resize(static_cast<std::size_t>(held.size()));
    std::iota(ids_.begin(), ids_.end(), held.begin);
  }

  io::InducingModel run() {
    std::vector<double> start;
    if (!load()) start = part_of(initial_parameters(context_, task_.model, task_.samples));
    phase_.emplace(context_.progress, "dkm", std::max<Index>(0, section_.max_iterations - resumed_),
                   "iterations");
    const solvers::TaoOptions options{.tolerance = section_.tolerance,
                                      .max_iterations = section_.max_iterations,
                                      .history = dkm_history,
                                      .initial = initial_ ? &*initial_ : nullptr,
                                      .iteration = [&](const solvers::TaoProgress& now) { iterated(now); },
                                      .wish = [&] { return wish(); },
                                      .save = [&](const solvers::TaoState& now) { save(now); }};
    const TaoResult result = solvers::minimize(
        context_.comm, [&](std::span<const double> x, std::span<double> slope) { return evaluate(x, slope); },
        std::move(start), options);
    if (result.end == TaoResult::End::stopped) clock_.stop(fmt::format("{} iterations", result.iterations));
    check(result);
    phase_->finish();
    report(result);
    if (result.end != TaoResult::End::iterations) io::remove_solver_state(context_.comm, path_);
    return finish(result);
  }

 private:
  std::vector<double> part_of(const std::vector<double>& whole) const {
    return {whole.begin() + part_.begin, whole.begin() + part_.end};
  }
  /// Of a vector that is spread: all of it on every rank.
  std::vector<double> whole_of(std::span<const double> part) const {
    std::vector<double> whole(parameters_.size());
    std::copy(part.begin(), part.end(), whole.begin() + part_.begin);
    context_.comm.all_reduce(std::span(whole), MPI_SUM);
    return whole;
  }

  /// Draws stay the same from one evaluation to the next, so that it is one function that is minimised.
  std::optional<double> evaluate(std::span<const double> x, std::span<double> slope) {
    const Timer timer;
    parameters_ = whole_of(x);
    const dkm::Samples& samples = task_.samples;
    const Range held = task_.problem.train.local;
    const auto begin = static_cast<std::size_t>(held.begin), size = static_cast<std::size_t>(held.size());
    dkm::Batch batch{.samples = samples.inputs,
                     .targets = {},
                     .ids = ids_,
                     .batch_samples = samples.count(),
                     .training_samples = samples.count()};
    if (!samples.labels.empty()) batch.targets.labels = samples.labels.subspan(begin, size);
    if (!samples.values.empty()) batch.targets.values = samples.values.block({0, samples.values.rows}, held);
    try {
      const dkm::Evaluation found = task_.model.evaluate(parameters_, batch, 0, reduce_, gradient_);
      for (std::size_t k = 0; k < slope.size(); ++k)
        slope[k] = -gradient_[static_cast<std::size_t>(part_.begin) + k];
      evaluating_ += timer.seconds();
      return std::isfinite(found.objective) ? std::optional(-found.objective) : std::nullopt;
    } catch (const mpi::CollectiveError& error) {
      if (error.code() != ExitCode::numerical) throw;
      breakdown_ = error.what();  // outside of the domain: the line search shortens its step
      return std::nullopt;
    }
  }

  void iterated(const solvers::TaoProgress& now) {
    objective_.push_back(-now.value);
    phase_->update(now.iteration - resumed_);
    context_.progress.detail(
        fmt::format("dkm        iteration {}: objective {:.10g}, gradient {:.3g} (wanted {:.3g}), {} "
                    "evaluations",
                    now.iteration, -now.value, now.gradient_norm, section_.tolerance, now.evaluations));
    if (!std::isfinite(now.gradient_norm))
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format(
              "the objective of a deep kernel machine diverged in iteration {} (it was {:.6g}): raise "
              "dkm.nu, dkm.noise or dkm.jitter",
              now.iteration, -now.value));
  }

  TaoWish wish() {
    const TrainingClock::Wish wish = clock_.wish();
    if (wish == TrainingClock::Wish::stop) return TaoWish::stop;
    const bool last = std::ssize(objective_) > section_.max_iterations;
    return last || wish == TrainingClock::Wish::save ? TaoWish::save : TaoWish::go_on;
  }

  double seconds() const { return before_seconds_ + timer_.seconds(); }

  void save(const solvers::TaoState& now) {
    clock_.save([&] {
      const std::vector<std::string>& names = list_names();
      std::vector<io::NamedList> lists{
          {names[0], {}}, {names[1], {}}, {names[2], objective_}, {names[3], {}}};
      for (const solvers::TaoPoint& point : now.points) {
        const std::vector<double> x = whole_of(point.x), gradient = whole_of(point.gradient);
        lists[0].values.insert(lists[0].values.end(), x.begin(), x.end());
        lists[1].values.insert(lists[1].values.end(), gradient.begin(), gradient.end());
      }
      lists[3].values = {seconds()};
      io::write_training_state(context_.comm, path_, model_.problem, lists);
    });
  }

  bool load() {
    const auto lists = io::read_training_state(context_.comm, path_, model_.problem, list_names());
    if (!lists) {
      warn_of_other_state(context_, path_);
      return false;
    }
    const std::size_t numbers = (*lists)[0].values.size();
    if (numbers == 0 || numbers % parameters_.size() != 0 || (*lists)[1].values.size() != numbers ||
        (*lists)[2].values.empty() || (*lists)[3].values.size() != 1)
      refuse_state(path_);
    objective_ = (*lists)[2].values;
    before_seconds_ = (*lists)[3].values.front();
    resumed_ = std::ssize(objective_) - 1;
    initial_.emplace();
    initial_->iterations = resumed_;
    const auto cut = [&](const std::vector<double>& all, std::size_t point) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(point * parameters_.size());
      return std::vector<double>(begin + part_.begin, begin + part_.end);
    };
    const std::size_t points = numbers / parameters_.size();
    for (std::size_t point = 0; point < points; ++point)
      initial_->points.push_back({cut((*lists)[0].values, point), cut((*lists)[1].values, point)});
    context_.progress.note(fmt::format("dkm        goes on behind iteration {} ({})", resumed_, path_));
    return true;
  }

  void check(const TaoResult& result) const {
    if (result.end == TaoResult::End::refused) throw mpi::CollectiveError(ExitCode::numerical, breakdown_);
    if (result.end == TaoResult::End::iterations)
      context_.progress.warn(fmt::format(
          "dkm.max_iterations = {} are done at a gradient of {:.3g}, {:.3g} was asked for; a larger "
          "number goes on from here",
          section_.max_iterations, result.gradient_norm, section_.tolerance));
    if (result.end == TaoResult::End::stalled)
      context_.progress.warn(
          fmt::format("the line search finds nothing better after {} iterations, at a gradient of {:.3g} "
                      "({:.3g} was asked for): that is the limit of the precision{}",
                      result.iterations, result.gradient_norm, section_.tolerance,
                      breakdown_.empty() ? "" : ", or of what can be computed (" + breakdown_ + ")"));
  }

  void report(const TaoResult& result) {
    write_pace(json_, result, {resumed_, before_seconds_, timer_.seconds(), evaluating_});
    json_["gradient_norm"] = result.gradient_norm;
  }

  io::InducingModel finish(const TaoResult& result) {
    model_.iterations = result.iterations;
    model_.end = solvers::to_string(result.end);
    model_.tolerance = section_.tolerance;
    model_.objective = objective_;
    model_.parameters = model_.last = whole_of(result.x);
    model_.noise = noise_at(task_.model, model_.parameters);
    return std::move(model_);
  }

  const InducingTask<Real>& task_;
  const CommandContext& context_;
  const DkmSection& section_;
  std::string path_;
  io::InducingModel model_;
  Range part_;  ///< this rank's parameters
  std::vector<double> parameters_, gradient_;
  std::vector<std::int64_t> ids_;
  dkm::Reduce reduce_;
  Json& json_;
  std::optional<solvers::TaoState> initial_;
  std::vector<double> objective_;
  std::string breakdown_;  ///< the latest
  TrainingClock clock_{context_};
  std::optional<Phase> phase_;
  Index resumed_ = 0;
  double before_seconds_ = 0;
  double evaluating_ = 0;
  Timer timer_;
};

}  // namespace

template <class Real>
io::InducingModel train_by_bqnls(const InducingTask<Real>& task, Metrics& metrics) {
  return FullBatchTraining<Real>(task, metrics).run();
}
template io::InducingModel train_by_bqnls(const InducingTask<float>&, Metrics&);
template io::InducingModel train_by_bqnls(const InducingTask<double>&, Metrics&);

}  // namespace widegram::jobs
