#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "jobs/dkm_state.hpp"
#include "jobs/inducing_training.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/units.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

using dkm::EpochRecord;
using dkm::TrainerState;

/// Seconds from one line on epochs to the next; epochs in between are told with --verbose.
constexpr double line_interval = 3;

/// What `correct` is called.
std::string correct_name(const DkmSection& section) {
  return section.is_categorical() ? "accuracy" : "mean_square_error";
}

std::string curve_columns(const DkmSection& section) {
  const std::string correct = correct_name(section);
  return fmt::format(
      "epoch,objective,log_likelihood,{0},validation_log_likelihood,validation_{0},rate,seconds", correct);
}

std::vector<double> row_of(const EpochRecord& r) {
  return {static_cast<double>(r.epoch), r.objective,          r.log_likelihood, r.correct,
          r.validation.log_likelihood,  r.validation.correct, r.rate,           r.seconds};
}
constexpr std::size_t row_size = 8;
/// Of the list of counters: where the sums of an epoch that is under way begin.
constexpr std::size_t first_sum = 6;

EpochRecord record_of(const double* row) {
  return {.epoch = static_cast<Index>(row[0]),
          .objective = row[1],
          .log_likelihood = row[2],
          .correct = row[3],
          .validation = {row[4], row[5]},
          .rate = row[6],
          .seconds = row[7]};
}

std::vector<double> rows_of(const std::vector<EpochRecord>& curve) {
  std::vector<double> rows;
  for (const EpochRecord& record : curve) {
    const std::vector<double> row = row_of(record);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

/// A trainer's state as lists of numbers, and back. Whole numbers are exact in double.
const std::vector<std::string>& list_names() {
  static const std::vector<std::string> names{"parameters",      "first_moments", "second_moments",
                                              "best_parameters", "curve",         "counters"};
  return names;
}

std::vector<io::NamedList> lists_of(const TrainerState& state, double seconds) {
  std::vector<double> counters{static_cast<double>(state.epoch),
                               static_cast<double>(state.batch),
                               static_cast<double>(state.adam.steps),
                               static_cast<double>(state.best_epoch),
                               state.best_score,
                               seconds};
  const std::vector<double> sums = row_of(state.sums);
  counters.insert(counters.end(), sums.begin(), sums.end());
  const std::vector<std::string>& names = list_names();
  return {{names[0], state.parameters},      {names[1], state.adam.first},     {names[2], state.adam.second},
          {names[3], state.best_parameters}, {names[4], rows_of(state.curve)}, {names[5], counters}};
}

TrainerState state_of(std::vector<io::NamedList> lists) {
  const std::vector<double>& counters = lists[5].values;
  TrainerState state;
  state.parameters = std::move(lists[0].values);
  state.adam = {.first = std::move(lists[1].values),
                .second = std::move(lists[2].values),
                .steps = static_cast<Index>(counters[2])};
  state.epoch = static_cast<Index>(counters[0]);
  state.batch = static_cast<Index>(counters[1]);
  state.best_epoch = static_cast<Index>(counters[3]);
  state.best_score = counters[4];
  state.sums = record_of(counters.data() + first_sum);
  state.best_parameters = std::move(lists[3].values);
  for (std::size_t i = 0; i < lists[4].values.size(); i += row_size)
    state.curve.push_back(record_of(lists[4].values.data() + i));
  return state;
}

/// One run of the trainer: its callbacks, its progress, its state on disk.
template <class Real>
class AdamTraining {
 public:
  AdamTraining(const InducingTask<Real>& task, Metrics& metrics)
      : task_(task),
        context_(task.context),
        section_(task.context.job->dkm),
        path_(in_output(*task.context.job, "dkm-state.h5")),
        model_(untrained(task)),
        options_{.epochs = section_.epochs,
                 .batch = section_.batch,
                 .adam = {.rate = section_.rate},
                 .drops = section_.schedule,
                 .validation = section_.validation,
                 .augmentation = {section_.crop, section_.flip},
                 .transform = task.transform,
                 .seed = section_.seed},
        json_(metrics["dkm"]) {}

  io::InducingModel run() {
    begin();
    const Index held = dkm::held_out(task_.samples.count(), section_.validation);
    batches_ = ceil_div(task_.samples.count() - held, section_.batch);
    first_ = state_.epoch * batches_ + state_.batch;
    phase_.emplace(context_.progress, "dkm", std::max<Index>(0, section_.epochs * batches_ - first_),
                   "batches");
    const dkm::TrainerCalls calls{.batch = [&](const dkm::BatchReport& now) { stepped(now); },
                                  .epoch = [&](const EpochRecord& record) { ended(record); },
                                  .stop = [&] { return wants_stop(); }};
    if (!dkm::train(context_.comm, task_.model, task_.samples, options_, state_, calls))
      clock_.stop(fmt::format("{} epochs and {} of {} batches", state_.epoch, state_.batch, batches_));
    phase_->finish();
    save();  // more epochs may be asked for
    report();
    return result();
  }

 private:
  void begin() {
    auto lists = io::read_training_state(context_.comm, path_, model_.problem, list_names());
    if (lists) {
      const std::size_t count = static_cast<std::size_t>(task_.model.parameter_count());
      const std::vector<io::NamedList>& found = *lists;
      if (found[0].values.size() != count || found[1].values.size() != found[2].values.size() ||
          found[4].values.size() % row_size != 0 || found[5].values.size() != first_sum + row_size)
        refuse_state(path_);
      before_seconds_ = lists->back().values[5];
      state_ = state_of(std::move(*lists));
      resumed_ = state_.adam.steps;
      context_.progress.note(fmt::format("dkm        goes on in epoch {} behind batch {} ({})",
                                         state_.epoch + 1, state_.batch, path_));
      return;
    }
    warn_of_other_state(context_, path_);
    state_ = dkm::begin_training(initial_parameters(context_, task_.model, task_.samples));
  }

  void stepped(const dkm::BatchReport& now) {
    phase_->update(now.epoch * batches_ + now.batch + 1 - first_);
    left_ = now.seconds_left;
    context_.progress.detail(fmt::format("dkm        epoch {}, batch {} of {}: objective {:.6g}, {:.3g} s",
                                         now.epoch + 1, now.batch + 1, now.batches, now.evaluation.objective,
                                         now.seconds));
  }

  void ended(const EpochRecord& record) {
    std::string text =
        fmt::format("dkm        epoch {} of {}: objective {:.6g}, {}", record.epoch + 1, section_.epochs,
                    record.objective, quality("training", record.log_likelihood, record.correct));
    if (section_.validation > 0)
      text += ", " + quality("validation", record.validation.log_likelihood, record.validation.correct);
    text += fmt::format(", {} an epoch, {} left", readable_seconds(record.seconds), readable_seconds(left_));
    const bool last = record.epoch + 1 == section_.epochs;
    if (last || since_line_.seconds() >= line_interval) {
      context_.progress.note(text);
      since_line_ = Timer();
    } else {
      context_.progress.detail(text);
    }
  }

  std::string quality(const char* of, double log_likelihood, double correct) const {
    return section_.is_categorical()
               ? fmt::format("{} {:.2f} % right, log-likelihood {:.4g}", of, 100 * correct, log_likelihood)
               : fmt::format("{} RMSE {:.4g}, log-likelihood {:.4g}", of, std::sqrt(correct), log_likelihood);
  }

  bool wants_stop() {
    const TrainingClock::Wish wish = clock_.wish();
    if (wish != TrainingClock::Wish::go_on) save();
    return wish == TrainingClock::Wish::stop;
  }

  double seconds() const { return before_seconds_ + timer_.seconds(); }

  void save() {
    clock_.save(
        [&] { io::write_training_state(context_.comm, path_, model_.problem, lists_of(state_, seconds())); });
  }

  Json curve() const {
    Json curve = Json::array();
    const std::string correct = correct_name(section_);
    for (const EpochRecord& record : state_.curve) {
      Json line{{"epoch", record.epoch + 1},
                {"objective", record.objective},
                {"log_likelihood", record.log_likelihood},
                {correct, record.correct}};
      if (section_.validation > 0)
        line["validation"] = {{"log_likelihood", record.validation.log_likelihood},
                              {correct, record.validation.correct}};
      line["rate"] = record.rate;
      line["seconds"] = record.seconds;
      curve.push_back(std::move(line));
    }
    return curve;
  }

  void report() {
    const Index here = state_.adam.steps - resumed_;
    double epochs = 0;
    for (const EpochRecord& record : state_.curve) epochs += record.seconds;
    json_["resumed_iterations"] = resumed_;
    json_["seconds"] = seconds();
    json_["seconds_per_iteration"] = here > 0 ? timer_.seconds() / static_cast<double>(here) : 0.0;
    json_["seconds_per_epoch"] = epochs / static_cast<double>(state_.curve.size());
    json_["curve"] = curve();
  }

  io::InducingModel result() {
    model_.iterations = state_.adam.steps;
    model_.epochs = state_.epoch;
    model_.end = "epochs";
    for (const EpochRecord& record : state_.curve) model_.objective.push_back(record.objective);
    model_.columns = curve_columns(section_);
    std::vector<EpochRecord> curve = state_.curve;
    for (EpochRecord& record : curve) ++record.epoch;  // in files they count from 1
    model_.curve = rows_of(curve);
    model_.parameters = section_.validation > 0 ? state_.best_parameters : state_.parameters;
    model_.best_epoch = state_.best_epoch + 1;
    model_.last = std::move(state_.parameters);
    model_.noise = noise_at(task_.model, model_.parameters);
    return std::move(model_);
  }

  const InducingTask<Real>& task_;
  const CommandContext& context_;
  const DkmSection& section_;
  std::string path_;
  io::InducingModel model_;
  dkm::TrainerOptions options_;
  Json& json_;
  TrainerState state_;
  TrainingClock clock_{context_};
  std::optional<Phase> phase_;
  Index batches_ = 0;  ///< an epoch
  Index first_ = 0;    ///< batches that were done before
  Index resumed_ = 0;  ///< steps likewise
  double before_seconds_ = 0;
  double left_ = 0;
  Timer timer_;
  Timer since_line_;
};

}  // namespace

template <class Real>
io::InducingModel train_by_adam(const InducingTask<Real>& task, Metrics& metrics) {
  return AdamTraining<Real>(task, metrics).run();
}
template io::InducingModel train_by_adam(const InducingTask<float>&, Metrics&);
template io::InducingModel train_by_adam(const InducingTask<double>&, Metrics&);

}  // namespace widegram::jobs
