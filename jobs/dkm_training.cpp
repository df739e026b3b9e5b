#include "jobs/dkm_training.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "io/solver_state.hpp"
#include "jobs/dkm_plan.hpp"
#include "jobs/dkm_state.hpp"
#include "jobs/output_folder.hpp"
#include "solvers/dkm/full_coordinates.hpp"
#include "solvers/tao.hpp"
#include "src/dist/symmetry.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

using dist::DistributedMatrix;
using solvers::TaoResult;
using solvers::TaoWish;

constexpr Index steps = 1000;  ///< of the progress display
/// A line search that finds nothing better at a gradient this small, relative to what was asked for, is at
/// the limit of the precision.
constexpr double stalled_is_fine = 1e4;
/// An objective this large a sample and output is none: with Gaussian targets of about 1 it stays below some
/// ten.
constexpr double endless = 1e4;

/// One run of the optimiser: its callbacks, its progress, its state on disk.
class Training {
 public:
  Training(const CommandContext& context, const Problem& problem, const dkm::KernelMap<double>& map,
           DistributedMatrix<double> input_gram, DistributedMatrix<double> targets)
      : context_(context),
        section_(context.job->dkm),
        problem_text_(dkm_problem_text(section_, problem)),
        path_(in_output(*context.job, "dkm-state.h5")),
        objective_(map, std::move(input_gram), std::move(targets), section_.depth, section_.used_jitter()),
        coordinates_(objective_.nngp_factors(), {.nu = section_.layer_nu(),
                                                 .noise = section_.noise,
                                                 .learn_nu = section_.learn_nu,
                                                 .learn_noise = section_.learn_noise}),
        scratch_(objective_.matrix()) {
    for (Index l = 0; l < section_.depth; ++l) {
      at_.factors.push_back(objective_.matrix());
      gradient_.factors.push_back(objective_.matrix());
    }
    load();
  }

  TaoResult run() {
    const auto n = static_cast<double>(objective_.size());
    tolerance_ = section_.tolerance * n;
    phase_.emplace(context_.progress, "dkm", steps, "");
    const solvers::TaoOptions options{.tolerance = tolerance_,
                                      .max_iterations = section_.max_iterations,
                                      .history = dkm_history,
                                      .lower = coordinates_.lower_bounds(),
                                      .upper = coordinates_.upper_bounds(),
                                      .initial = initial_ ? &*initial_ : nullptr,
                                      .iteration = [&](const solvers::TaoProgress& now) { iterated(now); },
                                      .wish = [&] { return wish(); },
                                      .save = [&](const solvers::TaoState& now) { save(now); }};
    TaoResult result = solvers::minimize(
        context_.comm, [&](std::span<const double> x, std::span<double> slope) { return evaluate(x, slope); },
        coordinates_.start(), options);
    if (result.end == TaoResult::End::stopped) clock_.stop(fmt::format("{} iterations", result.iterations));
    check(result);
    phase_->finish();
    return result;
  }

  /// Where the optimiser has ended.
  DkmTraining finish(const TaoResult& result, const Problem& problem) {
    coordinates_.set_parameters(result.x, at_);
    const dkm::FullValue value = objective_.value(at_);
    if (value.breakdown)
      throw mpi::CollectiveError(ExitCode::numerical, value.breakdown->message(section_.used_jitter()));
    DkmTraining training{.model = {.kind = to_string(section_.kind),
                                   .problem = problem_text_,
                                   .kernel = section_.kernel_toml,
                                   .train_hash = problem.model.train_hash,
                                   .target_hash = problem.model.target_hash,
                                   .classes = problem.model.classes,
                                   .encoding = problem.model.encoding,
                                   .n = objective_.size(),
                                   .nu = at_.nu,
                                   .noise = at_.noise,
                                   .jitter = section_.used_jitter(),
                                   .objective = history_,
                                   .end = solvers::to_string(result.end),
                                   .tolerance = section_.tolerance,
                                   .gradient_norm = result.gradient_norm},
                         .grams = {}};
    for (Index l = 1; l <= section_.depth; ++l) training.grams.push_back(objective_.gram(l).copy());
    divergences_ = value.divergences;
    log_likelihood_ = value.log_likelihood;
    return training;
  }

  void report(const TaoResult& result, const io::DkmModel& model, Json& section) const {
    const double inside = objective_.scalapack().seconds() + coordinates_.scalapack().seconds();
    section["log_likelihood"] = log_likelihood_;
    section["divergences"] = divergences_;
    write_pace(section, result, {resumed_, before_seconds_, timer_.seconds(), evaluating_});
    section["scalapack_share"] = evaluating_ > 0 ? inside / evaluating_ : 0.0;
    section["end"] = model.end;
  }

  void forget_state(const TaoResult& result) const {
    // More iterations may be asked for.
    if (result.end != TaoResult::End::iterations) io::remove_solver_state(context_.comm, path_);
  }

 private:
  std::optional<double> evaluate(std::span<const double> x, std::span<double> slope) {
    const Timer timer;
    coordinates_.set_parameters(x, at_);
    const dkm::FullValue value = objective_.value_and_gradient(at_, gradient_);
    if (!value.breakdown) coordinates_.set_gradient(x, at_, gradient_, slope);
    for (double& entry : slope) entry = -entry;
    evaluating_ += timer.seconds();
    breakdown_ = value.breakdown ? value.breakdown : breakdown_;
    return value.breakdown ? std::nullopt : std::optional(-value.objective);
  }

  void iterated(const solvers::TaoProgress& now) {
    history_.push_back(-now.value);
    first_norm_ = first_norm_ > 0 ? first_norm_ : now.gradient_norm;
    const auto share = static_cast<double>(now.iteration) / static_cast<double>(section_.max_iterations);
    const double decades = std::log(first_norm_ / std::max(now.gradient_norm, tolerance_)) /
                           std::log(std::max(first_norm_ / tolerance_, 2.0));
    reached_ = std::clamp(static_cast<Index>(std::max(share, decades) * steps), reached_, steps - 1);
    phase_->update(reached_);
    context_.progress.detail(fmt::format(
        "dkm        iteration {}: objective {:.10g}, gradient {:.3g} ({:.3g} a sample, "
        "wanted {:.3g}), {} evaluations",
        now.iteration, -now.value, now.gradient_norm,
        now.gradient_norm / static_cast<double>(objective_.size()), section_.tolerance, now.evaluations));
    const double most = endless * static_cast<double>(objective_.size() * objective_.targets().cols());
    if (-now.value > most || !std::isfinite(now.gradient_norm))
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format("the objective grows without end (it is {:.6g} after {} iterations): with so little "
                      "noise or so "
                      "small nu a Gram can collapse onto the targets; raise dkm.noise (it is {:g}) or dkm.nu",
                      -now.value, now.iteration, at_.noise));
  }

  TaoWish wish() {
    const TrainingClock::Wish wish = clock_.wish();
    if (wish == TrainingClock::Wish::stop) return TaoWish::stop;
    // A larger number may be asked for, and then goes on from here.
    const bool last = std::ssize(history_) > section_.max_iterations;
    return last || wish == TrainingClock::Wish::save ? TaoWish::save : TaoWish::go_on;
  }

  void save(const solvers::TaoState& now) {
    io::DkmState state{.problem = problem_text_,
                       .layers = section_.depth,
                       .points = std::ssize(now.points),
                       .objective = history_,
                       .learned = {},
                       .seconds = seconds()};
    for (const solvers::TaoPoint& point : now.points)
      for (const std::vector<double>* vector : {&point.x, &point.gradient}) {
        const std::vector<double> learned = coordinates_.learned_part(*vector);
        state.learned.insert(state.learned.end(), learned.begin(), learned.end());
      }
    clock_.save([&] {
      io::write_dkm_state(
          path_, state,
          [&](Index point, bool gradient, Index layer, DistributedMatrix<double>& matrix) {
            const solvers::TaoPoint& at = now.points[static_cast<std::size_t>(point)];
            coordinates_.unpack(gradient ? at.gradient : at.x, layer, matrix);
          },
          scratch_);
    });
  }

  void load() {
    solvers::TaoState found;
    const auto saved = io::read_dkm_state(
        path_, problem_text_,
        [&](Index point, bool gradient, Index layer, DistributedMatrix<double>& matrix) {
          if (std::ssize(found.points) <= point) {
            const std::vector<double> empty(static_cast<std::size_t>(coordinates_.local_size()));
            found.points.push_back({empty, empty});
          }
          solvers::TaoPoint& at = found.points[static_cast<std::size_t>(point)];
          coordinates_.pack(matrix, layer, gradient ? at.gradient : at.x);
        },
        scratch_);
    if (!saved) {
      warn_of_other_state(context_, path_);
      return;
    }
    std::span<const double> learned = saved->learned;
    const auto count = static_cast<std::size_t>(coordinates_.learned());
    for (solvers::TaoPoint& point : found.points)
      for (std::vector<double>* vector : {&point.x, &point.gradient}) {
        coordinates_.set_learned_part(learned.first(count), *vector);
        learned = learned.subspan(count);
      }
    history_ = saved->objective;
    before_seconds_ = saved->seconds;
    resumed_ = std::ssize(history_) - 1;
    found.iterations = resumed_;
    initial_ = std::move(found);
    context_.progress.note(fmt::format("dkm        goes on behind iteration {} ({})", resumed_, path_));
  }

  void check(const TaoResult& result) const {
    const std::string broken = breakdown_ ? breakdown_->message(section_.used_jitter()) : std::string();
    if (result.end == TaoResult::End::refused) throw mpi::CollectiveError(ExitCode::numerical, broken);
    if (result.end == TaoResult::End::iterations)
      context_.progress.warn(
          fmt::format("dkm.max_iterations = {} are done at a gradient of {:.3g} a sample, {:.3g} was "
                      "asked for; a larger number goes on from here",
                      section_.max_iterations, result.gradient_norm / static_cast<double>(objective_.size()),
                      section_.tolerance));
    if (result.end != TaoResult::End::stalled) return;
    if (result.gradient_norm > stalled_is_fine * tolerance_ && breakdown_)
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format(
              "training runs into the end of the positive definite matrices after {} iterations, where the "
              "objective may grow without end: {}",
              result.iterations, broken));
    context_.progress.warn(
        fmt::format("the line search finds nothing better after {} iterations, at a gradient of {:.3g} a "
                    "sample ({:.3g} was asked "
                    "for): that is the limit of double precision for these kernels; a larger dkm.jitter or "
                    "dkm.noise lowers it",
                    result.iterations, result.gradient_norm / static_cast<double>(objective_.size()),
                    section_.tolerance));
  }

  double seconds() const { return before_seconds_ + timer_.seconds(); }

  const CommandContext& context_;
  const DkmSection& section_;
  std::string problem_text_;
  std::string path_;
  dkm::FullObjective objective_;
  dkm::FullCoordinates coordinates_;
  DistributedMatrix<double> scratch_;
  dkm::FullParameters at_;
  dkm::FullGradient gradient_;
  std::optional<solvers::TaoState> initial_;
  std::optional<Phase> phase_;
  std::optional<dkm::Breakdown> breakdown_;  ///< the latest
  std::vector<double> history_;
  std::vector<double> divergences_;
  double log_likelihood_ = 0;
  double tolerance_ = 0;
  double first_norm_ = 0;
  Index reached_ = 0;
  Index resumed_ = 0;
  TrainingClock clock_{context_};
  Timer timer_;
  double before_seconds_ = 0;
  double evaluating_ = 0;
};

}  // namespace

std::string dkm_problem_text(const DkmSection& dkm, const Problem& problem) {
  return fmt::format("{} {} depth {} nu {}{} noise {}{} jitter {} gaussian {:016x} {:016x} {}",
                     to_string(dkm.kind), dkm.kernel_toml, dkm.depth, fmt::join(dkm.layer_nu(), ","),
                     dkm.learn_nu ? " learned" : "", dkm.noise, dkm.learn_noise ? " learned" : "",
                     dkm.used_jitter(), problem.model.train_hash, problem.model.target_hash,
                     problem.model.encoding);
}

DkmTraining train_full_dkm(const CommandContext& context, const Problem& problem,
                           const dkm::KernelMap<double>& map, DistributedMatrix<double> input_gram,
                           DistributedMatrix<double> targets, Metrics& metrics) {
  Training run(context, problem, map, std::move(input_gram), std::move(targets));
  const PhaseClock clock;
  const TaoResult result = run.run();
  metrics.phase("dkm", clock);
  DkmTraining training = run.finish(result, problem);
  run.report(result, training.model, metrics["dkm"]);
  DistributedMatrix<double> scratch(training.grams.front().grid(), training.model.n, training.model.n,
                                    training.grams.front().block());
  io::write_dkm(
      in_output(*context.job, "dkm.h5"), training.model,
      [&](Index layer, DistributedMatrix<double>& into) {
        const DistributedMatrix<double>& gram = training.grams[static_cast<std::size_t>(layer - 1)];
        std::copy_n(gram.local().data, gram.local_rows() * gram.local_cols(), into.local().data);
        dist::mirror_lower(into);
      },
      scratch);
  run.forget_state(result);
  return training;
}

}  // namespace widegram::jobs
