#pragma once

#include <memory>
#include <span>
#include <vector>

#include "src/dkm/executor.hpp"
#include "src/dkm/head.hpp"
#include "src/dkm/network.hpp"

namespace widegram::dkm {

/// One rank's share of a batch. ids key the samples' random draws: a sample's number in its data set.
struct Batch {
  MatrixView<const double> samples;  ///< features x samples, channel by channel
  Targets targets{};
  std::span<const std::int64_t> ids{};
  Index batch_samples = 0;     ///< of all ranks
  Index training_samples = 0;  ///< N: the KL terms count over it
};

/// What a batch says, of all ranks.
struct Evaluation {
  double objective = 0;       ///< log_likelihood + regularisation / N; to be made large
  double log_likelihood = 0;  ///< mean over the batch of E_q[log p(y | f)]
  double regularisation = 0;  ///< minus the weighted KL terms
  double correct = 0;         ///< mean: share of right classes; Gaussian: squared error of an output
};

/// What the model says of samples. A column a sample.
struct Predictions {
  Gram mean;                     ///< latent, outputs x samples
  std::vector<double> variance;  ///< latent; a Gaussian likelihood's noise comes on top
  double noise = 0;              ///< sigma^2
  Gram log_probabilities;        ///< categorical: of the classes
};

/// A sparse or convolutional deep kernel machine: objective and gradient of a batch, predictions. The data's
/// passes are in Real, the inducing chain, the likelihood and all parameters in double. Every member is
/// collective over the ranks that `reduce` sums over, which bring the same parameters and their own samples.
template <class Real>
class Model {
 public:
  /// Throws Error(usage) as check_spec().
  explicit Model(const ModelSpec& spec, Keep keep = Keep::expensive);
  /// Its executor works on its plan, where that lies.
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelSpec& spec() const { return spec_; }
  Index parameter_count() const { return plan_.parameter_count; }
  /// Where each parameter lies, by name.
  const std::vector<Slice>& parameters() const { return plan_.parameters; }
  /// Of a patch; inducing points. initial() wants such a matrix.
  Index patch_features() const { return plan_.patches.rows; }
  Index patches() const { return plan_.patches.cols; }

  /// Where training starts: every G is its layer's K, mixing weights by the seed, mu = 0, A = K.
  std::vector<double> initial(MatrixView<const double> patches) const;

  /// Adds nothing up where gradient is empty; else sets it to the objective's. Reductions: a few numbers for
  /// each norm over the batch, forth and back, and one of the size of the layers' matrices. Throws
  /// Error(numerical) that names the layer: a Gram that is not positive definite, a variance below zero.
  Evaluation evaluate(std::span<const double> parameters, const Batch& batch, std::uint64_t step,
                      const Reduce& reduce, std::span<double> gradient);

  Predictions predict(std::span<const double> parameters, const Batch& batch, const Reduce& reduce);

  /// The inducing chain's part of the objective, alone: no data. Returns the sum of the KL terms.
  double regularisation(std::span<const double> parameters, std::uint64_t step);

  /// Of one sample's objective and gradient, matrix products alone.
  double flops_a_sample() const;
  /// Of the inducing points' chain and its adjoint, which every rank goes through once a step, in double.
  double flops_a_step() const;
  /// Of the values and derivatives of so many samples.
  Index bytes(Index samples) const { return executor_.bytes(samples); }

 private:
  void run_chain(std::span<const double> parameters, Chain& chain, const Reduce& reduce);
  void follow_chain(std::span<const double> parameters, Chain& chain);
  void run_chain_adjoint(std::span<const double> parameters, std::span<const double> sums, const Chain& chain,
                         std::span<double> gradient);
  Head::Score score(const Batch& batch, std::uint64_t step, std::span<double> sums);

  ModelSpec spec_;
  Plan<Real> plan_;
  Head head_;
  Executor<Real> executor_;
  std::vector<Gram> grams_;  // ii of the values
};

}  // namespace widegram::dkm
