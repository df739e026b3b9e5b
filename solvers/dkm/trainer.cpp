#include "solvers/dkm/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/base/random.hpp"
#include "src/base/timer.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::dkm {
namespace {

constexpr std::uint32_t patch_stream = 0x70617463;  // "patc"
constexpr std::int64_t hold_out_epoch = -1;

void check(const TrainerOptions& options, const Samples& samples) {
  const auto refuse = [](const std::string& message) {
    throw mpi::CollectiveError(ExitCode::usage, message);
  };
  if (options.epochs < 1 || options.batch < 1)
    refuse("training wants at least one epoch and one sample a batch");
  if (!(options.adam.rate > 0)) refuse("the learning rate is above zero");
  if (options.validation < 0 || options.validation >= 1)
    refuse("the validation share is at least 0 and below 1");
  if (samples.count() < 1) refuse("training wants samples");
}

/// What is done to a sample's features, its id given; in place.
using Change = std::function<void(std::int64_t, double*)>;

/// Chosen samples of a set, gathered for one rank: what a batch points at.
class Gathered {
 public:
  /// Collective, each rank with its own ids.
  Gathered(const mpi::Communicator& comm, const Samples& samples, std::span<const std::int64_t> ids,
           const Transform& transform, const Change& change = {})
      : inputs_(samples.fetch(comm, ids)), values_(samples.values.rows, std::ssize(ids)), ids_(ids) {
    for (Index n = 0; n < std::ssize(ids); ++n) {
      const std::int64_t id = ids[static_cast<std::size_t>(n)];
      if (change) change(id, inputs_.column(n));
      if (!samples.values.empty())
        std::copy_n(samples.values.column(id), samples.values.rows, values_.column(n));
      if (!samples.labels.empty()) labels_.push_back(samples.labels[static_cast<std::size_t>(id)]);
    }
    if (transform && inputs_.cols() > 0) transform(inputs_.view());
  }
  Batch batch(Index batch_samples, Index training_samples) const {
    return {inputs_.view(), {values_.view(), labels_}, ids_, batch_samples, training_samples};
  }

 private:
  Matrix<double> inputs_, values_;
  std::vector<std::int64_t> labels_;
  std::span<const std::int64_t> ids_;
};

/// Samples kept from training, and those left, both by ids.
struct Split {
  std::vector<std::int64_t> training, held_out;
};

Split split(const Samples& samples, const TrainerOptions& options) {
  std::vector<std::int64_t> order = shuffled(samples.count(), options.seed, hold_out_epoch);
  const Index held = held_out(samples.count(), options.validation);
  Split split{{order.begin() + held, order.end()}, {order.begin(), order.begin() + held}};
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  if (split.training.empty())
    throw mpi::CollectiveError(ExitCode::usage, "the validation share leaves no sample to train on");
  return split;
}

double rate_of(const TrainerOptions& options, Index epoch) {
  double rate = options.adam.rate;
  for (const Index drop : options.drops)
    if (epoch >= drop) rate *= options.drop;
  return rate;
}

template <class Real>
Predictions predict_some(const mpi::Communicator& comm, Model<Real>& model,
                         std::span<const double> parameters, const Samples& samples,
                         std::span<const std::int64_t> ids, Index batch, const Transform& transform) {
  const Index count = std::ssize(ids), outputs = model.spec().outputs;
  const bool classes = model.spec().likelihood == Likelihood::categorical;
  Predictions all{Matrix<double>(outputs, count), std::vector<double>(static_cast<std::size_t>(count)), 0,
                  Matrix<double>(classes ? outputs : 0, classes ? count : 0)};
  const Reduce reduce = reduce_over(comm);
  for (Index begin = 0; begin < count; begin += batch) {
    const Index size = std::min(batch, count - begin);
    const Range share = share_of(comm, size);
    const Gathered gathered(
        comm, samples,
        ids.subspan(static_cast<std::size_t>(begin + share.begin), static_cast<std::size_t>(share.size())),
        transform);
    const Predictions part = model.predict(parameters, gathered.batch(size, samples.count()), reduce);
    all.noise = part.noise;
    const Index at = begin + share.begin;
    std::copy_n(part.mean.data(), outputs * share.size(), all.mean.column(at));
    std::copy(part.variance.begin(), part.variance.end(), all.variance.begin() + at);
    if (classes)
      std::copy_n(part.log_probabilities.data(), outputs * share.size(), all.log_probabilities.column(at));
  }
  comm.all_reduce(std::span(all.mean.data(), static_cast<std::size_t>(outputs * count)), MPI_SUM);
  comm.all_reduce(std::span(all.variance), MPI_SUM);
  if (classes)
    comm.all_reduce(std::span(all.log_probabilities.data(), static_cast<std::size_t>(outputs * count)),
                    MPI_SUM);
  return all;
}

Samples chosen(const Samples& samples, std::span<const std::int64_t> ids, Matrix<double>& values,
               std::vector<std::int64_t>& labels) {
  values = Matrix<double>(samples.values.rows, samples.values.empty() ? 0 : std::ssize(ids));
  for (Index n = 0; n < std::ssize(ids); ++n) {
    const std::int64_t id = ids[static_cast<std::size_t>(n)];
    if (!samples.values.empty())
      std::copy_n(samples.values.column(id), samples.values.rows, values.column(n));
    if (!samples.labels.empty()) labels.push_back(samples.labels[static_cast<std::size_t>(id)]);
  }
  return {{}, values.view(), labels};
}

/// One run of train().
template <class Real>
class Training {
 public:
  Training(const mpi::Communicator& comm, Model<Real>& model, const Samples& samples,
           const TrainerOptions& options, TrainerState& state, const TrainerCalls& calls)
      : comm_(comm),
        model_(model),
        samples_(samples),
        options_(options),
        state_(state),
        calls_(calls),
        reduce_(reduce_over(comm)) {
    check(options, samples);
    split_ = split(samples, options);
  }

  bool run() {
    while (state_.epoch < options_.epochs) {
      if (!epoch()) return false;
      finish_epoch();
    }
    return true;
  }

 private:
  Index training_samples() const { return std::ssize(split_.training); }
  Index batches() const { return ceil_div(training_samples(), options_.batch); }

  /// The batches left of an epoch; false where it stops in between.
  bool epoch() {
    const std::vector<std::int64_t> order = shuffled(training_samples(), options_.seed, state_.epoch);
    while (state_.batch < batches()) {
      const Timer timer;
      const Evaluation found = step(order);
      add_to_sums(found, timer.seconds());
      report(found, timer.seconds());
      if (calls_.stop && calls_.stop() &&
          !(state_.batch == batches() && state_.epoch + 1 == options_.epochs)) {
        return false;
      }
    }
    return true;
  }

  Evaluation step(const std::vector<std::int64_t>& order) {
    const Index begin = state_.batch * options_.batch;
    const Index size = std::min(options_.batch, training_samples() - begin);
    const Range share = share_of(comm_, size);
    std::vector<std::int64_t> ids;
    for (Index n = share.begin; n < share.end; ++n)
      ids.push_back(split_.training[static_cast<std::size_t>(order[static_cast<std::size_t>(begin + n)])]);
    const Gathered gathered(comm_, samples_, ids, options_.transform, [&](std::int64_t id, double* image) {
      augment(model_.spec().shape, options_.augmentation, options_.seed, state_.epoch, id, image);
    });
    gradient_.resize(state_.parameters.size());
    const auto number = static_cast<std::uint64_t>(state_.adam.steps);
    const Evaluation found = model_.evaluate(state_.parameters, gathered.batch(size, training_samples()),
                                             number, reduce_, gradient_);
    // The root's rounding counts: machines that differ must not drift apart.
    comm_.broadcast(std::span(gradient_));
    const bool broken =
        !std::all_of(gradient_.begin(), gradient_.end(), [](double g) { return std::isfinite(g); });
    const bool lost = !std::isfinite(found.objective) || found.objective < -endless();
    if (comm_.max(broken || lost ? 1 : 0) != 0)
      throw mpi::CollectiveError(ExitCode::numerical,
                                 fmt::format("the objective of a deep kernel machine diverged in epoch {}, "
                                             "batch {}: lower the learning rate",
                                             state_.epoch + 1, state_.batch + 1));
    adam_step(options_.adam, rate_of(options_, state_.epoch), gradient_, state_.adam, state_.parameters);
    ++state_.batch;
    return found;
  }

  /// An objective this far down is none that training comes back from: where it starts, a sample's squared
  /// errors over the noise are all of it.
  double endless() const { return 1e10 / std::min(1.0, model_.spec().noise); }

  void add_to_sums(const Evaluation& found, double seconds) {
    state_.sums.objective += found.objective;
    state_.sums.log_likelihood += found.log_likelihood;
    state_.sums.correct += found.correct;
    state_.sums.seconds += seconds;
  }

  void report(const Evaluation& found, double seconds) {
    ++done_here_;
    if (!calls_.batch) return;
    const Index left = (options_.epochs - state_.epoch) * batches() - state_.batch;
    calls_.batch({state_.epoch, state_.batch - 1, batches(), found, seconds,
                  running_.seconds() / static_cast<double>(done_here_) * static_cast<double>(left)});
  }

  void finish_epoch() {
    EpochRecord record = state_.sums;
    const double count = static_cast<double>(batches());
    record.epoch = state_.epoch;
    record.objective /= count;
    record.log_likelihood /= count;
    record.correct /= count;
    record.rate = rate_of(options_, state_.epoch);
    if (!split_.held_out.empty()) record.validation = validate();
    const double score = split_.held_out.empty() ? record.objective : record.validation.log_likelihood;
    if (state_.best_epoch < 0 || score > state_.best_score) {
      state_.best_epoch = state_.epoch;
      state_.best_score = score;
      state_.best_parameters = state_.parameters;
    }
    state_.curve.push_back(record);
    state_.sums = {};
    state_.batch = 0;
    ++state_.epoch;
    if (calls_.epoch) calls_.epoch(record);
  }

  Quality validate() {
    const Predictions said = predict_some(comm_, model_, state_.parameters, samples_, split_.held_out,
                                          options_.batch, options_.transform);
    Matrix<double> values;
    std::vector<std::int64_t> labels;
    return quality(said, chosen(samples_, split_.held_out, values, labels));
  }

  const mpi::Communicator& comm_;
  Model<Real>& model_;
  const Samples& samples_;
  const TrainerOptions& options_;
  TrainerState& state_;
  const TrainerCalls& calls_;
  Reduce reduce_;
  Split split_;
  std::vector<double> gradient_;
  Timer running_;
  Index done_here_ = 0;
};

}  // namespace

Reduce reduce_over(const mpi::Communicator& comm) {
  return [&comm](std::span<double> sums, const std::optional<Error>& error) {
    mpi::agree(comm, error);
    if (!sums.empty()) comm.all_reduce(sums, MPI_SUM);
  };
}

Index held_out(Index count, double share) {
  return static_cast<Index>(std::llround(share * static_cast<double>(count)));
}

TrainerState begin_training(std::vector<double> parameters) {
  TrainerState state;
  state.parameters = std::move(parameters);
  return state;
}

Matrix<double> random_patches(const mpi::Communicator& comm, const Samples& samples, const SampleShape& shape,
                              Index patch, Index count, std::uint64_t seed) {
  if (patch > shape.height || patch > shape.width)
    throw mpi::CollectiveError(ExitCode::usage, fmt::format("patches of {} x {} do not fit into images of {}",
                                                            patch, patch, to_string(shape)));
  const Index places = (shape.height - patch + 1) * (shape.width - patch + 1);
  if (count > samples.count() * places)
    throw mpi::CollectiveError(
        ExitCode::usage,
        fmt::format("{} inducing points are more than the {} {} there are: take fewer", count,
                    samples.count() * places, shape.is_vector() ? "samples" : "patches"));
  const std::vector<std::int64_t> order = shuffled(samples.count(), seed, hold_out_epoch - 1);
  const CounterRandom random(seed, patch_stream);
  std::vector<std::int64_t> ids;
  for (Index p = 0; p < count; ++p) ids.push_back(order[static_cast<std::size_t>(p % samples.count())]);
  const Matrix<double> images = samples.fetch(comm, ids);
  Matrix<double> patches(shape.channels * patch * patch, count);
  for (Index p = 0; p < count; ++p) {
    const double* const image = images.column(p);
    const auto word = random.bits(static_cast<std::uint64_t>(p));
    const Index top = static_cast<Index>(word[0]) % (shape.height - patch + 1);
    const Index left = static_cast<Index>(word[1]) % (shape.width - patch + 1);
    for (Index c = 0; c < shape.channels; ++c)
      for (Index y = 0; y < patch; ++y)
        std::copy_n(image + c * shape.pixels() + (top + y) * shape.width + left, patch,
                    patches.column(p) + (c * patch + y) * patch);
  }
  return patches;
}

template <class Real>
bool train(const mpi::Communicator& comm, Model<Real>& model, const Samples& samples,
           const TrainerOptions& options, TrainerState& state, const TrainerCalls& calls) {
  return Training<Real>(comm, model, samples, options, state, calls).run();
}
template bool train(const mpi::Communicator&, Model<float>&, const Samples&, const TrainerOptions&,
                    TrainerState&, const TrainerCalls&);
template bool train(const mpi::Communicator&, Model<double>&, const Samples&, const TrainerOptions&,
                    TrainerState&, const TrainerCalls&);

template <class Real>
Predictions predict(const mpi::Communicator& comm, Model<Real>& model, std::span<const double> parameters,
                    const Samples& samples, Index batch, const Transform& transform) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < samples.count(); ++i) ids.push_back(i);
  return predict_some(comm, model, parameters, samples, ids, batch, transform);
}
template Predictions predict(const mpi::Communicator&, Model<float>&, std::span<const double>, const Samples&,
                             Index, const Transform&);
template Predictions predict(const mpi::Communicator&, Model<double>&, std::span<const double>,
                             const Samples&, Index, const Transform&);

Quality quality(const Predictions& predictions, const Samples& samples) {
  Quality sums;
  const Index count = predictions.mean.cols(), outputs = predictions.mean.rows();
  for (Index n = 0; n < count; ++n) {
    const auto at = static_cast<std::size_t>(n);
    if (predictions.log_probabilities.cols() > 0) {
      const double* const logs = predictions.log_probabilities.column(n);
      const auto label = samples.labels[at];
      sums.log_likelihood += logs[label];
      sums.correct += std::max_element(logs, logs + outputs) - logs == label ? 1 : 0;
      continue;
    }
    const double variance = predictions.variance[at] + predictions.noise;
    for (Index c = 0; c < outputs; ++c) {
      const double error = samples.values(c, n) - predictions.mean(c, n);
      sums.log_likelihood -= (error * error / variance + std::log(2 * std::numbers::pi * variance)) / 2;
      sums.correct += error * error / static_cast<double>(outputs);
    }
  }
  return {sums.log_likelihood / static_cast<double>(count), sums.correct / static_cast<double>(count)};
}

}  // namespace widegram::dkm
