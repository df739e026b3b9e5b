#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/base/sample_shape.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dkm {

/// N samples with their targets, which every rank has; inputs lie with the rank that holds them.
struct Samples {
  MatrixView<const double> inputs;         ///< features x samples of this rank, channel by channel
  MatrixView<const double> values{};       ///< targets, outputs x N, of a Gaussian likelihood
  std::span<const std::int64_t> labels{};  ///< classes, of a categorical one
  std::optional<dist::Partition> held{};   ///< who holds which inputs; nothing: every rank all of them

  Index count() const { return held ? held->extent : inputs.cols; }
  /// Collective: the inputs of samples that this rank asks for, features x ids, repeats allowed.
  Matrix<double> fetch(const mpi::Communicator& comm, std::span<const std::int64_t> ids) const;
};

/// Random changes of training images, each keyed by seed, epoch and sample.
struct Augmentation {
  Index crop = 0;     ///< an image moves by up to so many pixels each way, zeros come in
  bool flip = false;  ///< left and right change places, for half of them
};

/// 0, ..., count - 1 in the order of an epoch, keyed by seed and epoch: the same on every rank. Epoch -1: of
/// the hold-out.
std::vector<std::int64_t> shuffled(Index count, std::uint64_t seed, std::int64_t epoch);

/// This rank's part of a batch.
Range share_of(const mpi::Communicator& comm, Index count);

/// One image under its augmentation, in place.
void augment(const SampleShape& shape, const Augmentation& augmentation, std::uint64_t seed,
             std::int64_t epoch, std::int64_t sample, double* image);

/// What is done to a batch behind its augmentation, e.g. whitening; in place, a column a sample.
using Transform = std::function<void(MatrixView<double>)>;

}  // namespace widegram::dkm
