#pragma once

#include <functional>
#include <vector>

#include "solvers/dkm/adam.hpp"
#include "solvers/dkm/batches.hpp"
#include "src/dkm/model.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dkm {

/// Sums over the ranks of a communicator, which must outlive it; agrees on errors first.
Reduce reduce_over(const mpi::Communicator& comm);

struct TrainerOptions {
  Index epochs = 100;
  Index batch = 256;
  AdamOptions adam{};
  std::vector<Index> drops{40, 80};  ///< epochs, from 0, with which the rate falls
  double drop = 0.1;                 ///< to this share
  double validation = 0;             ///< share of the samples held out, drawn by the seed
  Augmentation augmentation{};
  Transform transform{};  ///< of every batch, validation and prediction too
  std::uint64_t seed = 0;
};

/// How good a model is on samples.
struct Quality {
  double log_likelihood = 0;  ///< mean of log p(y) (categorical: of the class; Gaussian: of the values)
  double correct = 0;         ///< share of right classes; Gaussian: mean square error of an output
};

/// A line of the learning curve.
struct EpochRecord {
  Index epoch = 0;       ///< from 0
  double objective = 0;  ///< mean over the batches, as they came
  double log_likelihood = 0;
  double correct = 0;
  Quality validation{};  ///< zeros without a hold-out
  double rate = 0;
  double seconds = 0;  ///< of training, without the validation
};

/// All that a run needs to go on: plain numbers for a checkpoint. On the same rank count the same trajectory
/// follows, on another to rounding.
struct TrainerState {
  std::vector<double> parameters;
  AdamState adam;
  Index epoch = 0;     ///< the one at work
  Index batch = 0;     ///< its next batch
  EpochRecord sums{};  ///< of the epoch's batches so far
  std::vector<EpochRecord> curve;
  std::vector<double>
      best_parameters;  ///< of the epoch with the best validation (without one: the objective)
  double best_score = 0;
  Index best_epoch = -1;
};

/// After every batch.
struct BatchReport {
  Index epoch = 0;
  Index batch = 0;
  Index batches = 0;  ///< of an epoch
  Evaluation evaluation{};
  double seconds = 0;       ///< of this batch
  double seconds_left = 0;  ///< of all epochs to come, at the pace of this call
};

struct TrainerCalls {
  std::function<void(const BatchReport&)> batch{};
  std::function<void(const EpochRecord&)> epoch{};  ///< after every epoch, on all ranks
  /// Collective, after every batch: true on all ranks ends training early. The state that train() was given
  /// is then one to go on from, and may be saved here.
  std::function<bool()> stop{};
};

/// How many of so many samples are a validation share.
Index held_out(Index count, double share);

/// The start for a model: the parameters given, e.g. Model::initial(), nothing done.
TrainerState begin_training(std::vector<double> parameters);

/// Inducing patches for Model::initial(): drawn by the seed among the samples and, where they are smaller
/// than an image, among places inside it; the same on every rank. Collective. patch: height and width. Throws
/// Error(usage) on all ranks where there are fewer patches than that.
Matrix<double> random_patches(const mpi::Communicator& comm, const Samples& samples, const SampleShape& shape,
                              Index patch, Index count, std::uint64_t seed);

/// Adam on batches whose samples are spread over the ranks. Returns whether all epochs are done; state.epoch,
/// state.batch say how far it came. Collective; the same samples (but for the inputs that a rank holds),
/// options and state on every rank. Throws
/// Error(numerical) for a model that breaks down, on all ranks, the state being that before the batch; Error
/// (usage) for options out of range.
template <class Real>
bool train(const mpi::Communicator& comm, Model<Real>& model, const Samples& samples,
           const TrainerOptions& options, TrainerState& state, const TrainerCalls& calls = {});

/// The model on all samples, in batches of a fixed size in their order: norms over a batch are those of that
/// batch. Collective; every rank gets all.
template <class Real>
Predictions predict(const mpi::Communicator& comm, Model<Real>& model, std::span<const double> parameters,
                    const Samples& samples, Index batch, const Transform& transform = {});

/// Of predictions beside the samples' targets.
Quality quality(const Predictions& predictions, const Samples& samples);

}  // namespace widegram::dkm
