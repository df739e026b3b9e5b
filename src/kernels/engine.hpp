#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "src/base/matrix_view.hpp"
#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// A set of samples with everything that depends on one sample alone (inputs as the engine wants them,
/// variances a layer, diagonal entries), so that no pair works it out again. Made and understood by one
/// engine.
class Prepared {
 public:
  virtual ~Prepared() = default;
  virtual Index count() const = 0;
  /// K(x, x) of sample i under one of the engine's networks, exact (no rounding near rho = 1).
  virtual double diagonal(Function function, Index i, Index network = 0) const = 0;
};

/// How the samples of a set go together. flip_pairs: sample 2i + 1 is the left-right mirror image of sample
/// 2i (column w of every row becomes column width - 1 - w), so that an engine may use K(fx, fz) = K(x, z).
enum class SampleOrder { single, flip_pairs };

/// Where a tile's entries under one network go; an empty view is not computed.
template <class Real>
struct TileOutput {
  MatrixView<Real> nngp;
  MatrixView<Real> ntk;
};

/// Values of the kernels of one or several networks on the same samples, a tile of pairs at a time: the seam
/// between the Gram scheduler and the ways to compute. No communication, no virtual call an entry.
/// Thread-compatible. An entry's bits depend on its two inputs, its place in the tile and its network alone,
/// not on the other networks that are asked for; tiles are computed at their full edge, padded with zeros.
template <class Real>
class Engine {
 public:
  virtual ~Engine() = default;

  /// How many networks' kernels it computes.
  virtual Index networks() const = 0;

  /// inputs: features x n, a sample a column. ids: what makes a sample itself (its global number, test
  /// samples apart from training ones): with dropout only a sample with itself is 'the same', without it
  /// equal inputs are too. In flip_pairs their count is even.
  virtual std::unique_ptr<Prepared> prepare(MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
                                            SampleOrder order) const = 0;

  /// Entries of rows [row, row + out.rows) x cols [col, col + out.cols), an output a network, all views that
  /// are not empty of one extent; row and col are multiples of the tile's edge, the extents at most the edge,
  /// and even where a side is in flip_pairs. A pair of equal samples gets the diagonal's value.
  virtual void tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
                    std::span<const TileOutput<Real>> out) const = 0;

  /// Of all networks together, the mean over a tile of which both sides are in this order.
  virtual double flops_per_entry(SampleOrder order) const = 0;
  /// Memory that a Prepared takes for each sample.
  virtual double bytes_per_sample() const = 0;
  /// Memory that tiles take while they are computed, beside what they are given.
  virtual double tile_bytes() const = 0;
  /// What `describe` and metrics.json call this way of computing, e.g. "dense (AVX3)".
  virtual std::string name() const = 0;
};

/// The fastest engine that knows the networks, in their order. Throws as check_shapes() does.
template <class Real>
std::unique_ptr<Engine<Real>> make_engine(std::span<const Network> networks, SampleShape input,
                                          Index tile_edge);
template <class Real>
std::unique_ptr<Engine<Real>> make_engine(const Network& network, SampleShape input, Index tile_edge) {
  return make_engine<Real>(std::span(&network, 1), input, tile_edge);
}

extern template std::unique_ptr<Engine<float>> make_engine(std::span<const Network>, SampleShape, Index);
extern template std::unique_ptr<Engine<double>> make_engine(std::span<const Network>, SampleShape, Index);

}  // namespace widegram::kernels
