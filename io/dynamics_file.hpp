#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/model.hpp"
#include "src/base/matrix.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// A set's loss (the squared error halved, a mean over samples and targets) at each time, and for classes its
/// accuracy; empty where there is no such set.
struct LossCurve {
  std::vector<double> loss{};
  std::vector<double> accuracy{};
};

/// A network at a time of its training.
struct TrainedState {
  Matrix<double> alpha;      ///< N x K: coefficients of all training samples, 0 where one was held out
  Matrix<double> test_mean;  ///< M x K outputs at the test samples; empty where there are none
  std::vector<double> test_variance{};  ///< M, of the ensemble of networks; empty: not asked for
};

/// Where the validation loss is least.
struct EarlyStop {
  double time = 0;
  double validation_loss = 0;
  std::optional<double> validation_accuracy{};
  double train_loss = 0;
  std::optional<double> test_loss{};
  std::optional<double> test_accuracy{};
  TrainedState state{};  ///< not read back
};

/// What dynamics.h5 holds.
struct Dynamics {
  ModelHeader header;
  std::uint64_t test_hash = 0;  ///< checksum of the test samples' checksums, as in gram.h5; 0: no test set
  Index n = 0;                  ///< training samples
  Index held_out = 0;           ///< of them
  std::string method;           ///< "eigen", "krylov"
  std::string descent;          ///< "flow", "steps"
  double rate = 0;
  double largest_stable_rate = 0;
  double largest_eigenvalue = 0;  ///< of the Gram of the samples that are fitted
  double ridge = 0;               ///< relative to the Gram's mean diagonal
  double ridge_absolute = 0;
  Index steps = 0;               ///< krylov: products with the Gram
  double residual = 0;           ///< krylov: the largest over times and columns
  double coefficient_error = 0;  ///< krylov: about the largest relative one
  std::vector<double> times{};
  LossCurve train{};
  LossCurve validation{};
  LossCurve test{};
  std::optional<EarlyStop> best{};     ///< with validation
  std::vector<TrainedState> states{};  ///< a time each; not read back
};

/// Collective; the root's are written: /times and for each of them /train_loss, /validation_loss, /test_loss
/// and the accuracies, /test_mean (T x M x K), /test_variance (T x M), /alpha (A x N x K) at /alpha_times
/// (A), which are all times, or the last one alone where all would pass 256 MiB; with an early stop
/// /best_alpha (N x K) and /best_test_mean (M x K), /best_test_variance (M); the rest as attributes. Sealed;
/// replaces an older file once it is whole. Throws Error(files).
void write_dynamics(const mpi::Communicator& comm, const std::string& path, const Dynamics& dynamics);

/// This process alone. Throws Error(files): missing, cut, damaged, not of this kind.
Dynamics read_dynamics(const std::string& path);

}  // namespace widegram::io
