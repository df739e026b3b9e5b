#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "src/base/matrix_view.hpp"
#include "src/base/sample_shape.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::dkm {

/// Samples as every rank can read them: each brings those that it is asked for.
struct Samples {
  MatrixView<const double> inputs;         ///< features x N, channel by channel
  MatrixView<const double> values{};       ///< targets, outputs x N, of a Gaussian likelihood
  std::span<const std::int64_t> labels{};  ///< classes, of a categorical one
  Index count() const { return inputs.cols; }
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

/// One image under its augmentation; to: as from.
void augment(const SampleShape& shape, const Augmentation& augmentation, std::uint64_t seed,
             std::int64_t epoch, std::int64_t sample, const double* from, double* to);

/// What is done to a batch behind its augmentation, e.g. whitening; in place, a column a sample.
using Transform = std::function<void(MatrixView<double>)>;

}  // namespace widegram::dkm
