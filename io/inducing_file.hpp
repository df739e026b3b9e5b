#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/index.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// Where a parameter of a machine lies in the vector of all: rows x cols numbers, column by column.
struct ParameterSlice {
  std::string name;
  Index begin = 0;
  Index rows = 0;
  Index cols = 1;
};

/// A trained deep kernel machine with inducing points: what dkm.h5 holds of it. The same on every rank.
struct InducingModel {
  std::string kind;     ///< "sparse", "convolutional"
  std::string problem;  ///< all that the trained machine depends on but how long it was trained
  std::string kernel;   ///< its network in a few words
  std::string likelihood;
  std::uint64_t train_hash = 0;
  std::uint64_t target_hash = 0;
  Index classes = 0;  ///< 0: targets are values
  std::string encoding;
  GlobalIndex n = 0;
  double noise = 0;  ///< sigma^2, as learned
  double jitter = 0;
  Index iterations = 0;            ///< steps of the optimiser
  Index epochs = 0;                ///< walks through the training set; 0 where all of it made every step
  std::string end;                 ///< "epochs", "converged", "iterations", "stalled"
  double tolerance = 0;            ///< that was asked for
  std::vector<double> objective;   ///< one an epoch; or at the start and after every iteration
  std::string columns;             ///< of the learning curve, with commas; empty: none
  std::vector<double> curve;       ///< a row an epoch, which count from 1
  std::vector<double> parameters;  ///< those that predict: of the best epoch, or the last
  std::vector<double> last;        ///< where training has ended
  Index best_epoch = 0;            ///< from 1; 0: none
};

/// Collective; the root writes: /parameters and /last_parameters with /slices (a row a parameter: begin,
/// rows, cols; attribute `names`, with semicolons), /gram/1, ... (P x P, float64; the learned Grams of the
/// inducing points, each made from the slice of its factor V as V V^T / P), /objective, /curve (attribute
/// `columns`) and the rest as attributes, `complete` = 1; replaces an older file once all is on disk.
/// factors: the slices that are a Gram's. Throws Error(files).
void write_inducing_model(const mpi::Communicator& comm, const std::string& path, const InducingModel& model,
                          std::span<const ParameterSlice> slices, std::span<const ParameterSlice> factors);

/// Collective. Nothing where there is no such file. Throws Error(files) where it is damaged, or of another
/// kind of machine.
std::optional<InducingModel> read_inducing_model(const mpi::Communicator& comm, const std::string& path);

/// A list of numbers by name.
struct NamedList {
  std::string name;
  std::vector<double> values;
};

/// Collective; the root writes where training has come to: lists of numbers, as a whole or not at all;
/// replaces an older state. Throws Error(files).
void write_training_state(const mpi::Communicator& comm, const std::string& path, const std::string& problem,
                          std::span<const NamedList> lists);

/// Collective. The lists of these names (an empty one was empty), on every rank; nothing where there is no
/// such file or it speaks of another problem. Throws Error(files) where it is damaged.
std::optional<std::vector<NamedList>> read_training_state(const mpi::Communicator& comm,
                                                          const std::string& path, const std::string& problem,
                                                          std::span<const std::string> names);

}  // namespace widegram::io
