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
  /// K(x, x) of sample i, exact (no rounding near rho = 1).
  virtual double diagonal(Function function, Index i) const = 0;
};

/// Where a tile's entries go; an empty view is not computed.
template <class Real>
struct TileOutput {
  MatrixView<Real> nngp;
  MatrixView<Real> ntk;
};

/// Values of one network's kernel, a tile of pairs at a time: the seam between the Gram scheduler and the
/// ways to compute. No communication, no virtual call an entry. Thread-compatible. An entry's bits depend on
/// its two inputs and its place in the tile alone: tiles are computed at their full edge, padded with zeros.
template <class Real>
class Engine {
 public:
  virtual ~Engine() = default;

  /// inputs: features x n, a sample a column. ids: what makes a sample itself (its global number, test
  /// samples apart from training ones): with dropout only a sample with itself is 'the same', without it
  /// equal inputs are too.
  virtual std::unique_ptr<Prepared> prepare(MatrixView<const Real> inputs,
                                            std::span<const std::int64_t> ids) const = 0;

  /// Entries of rows [row, row + out.rows) x cols [col, col + out.cols); row and col are multiples of the
  /// tile's edge, the extents at most the edge. A pair of equal samples gets the diagonal's value.
  virtual void tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
                    TileOutput<Real> out) const = 0;

  virtual double flops_per_entry() const = 0;
  /// Memory that a Prepared takes for each sample.
  virtual double bytes_per_sample() const = 0;
  /// What `describe` and metrics.json call this way of computing, e.g. "dense (AVX3)".
  virtual std::string name() const = 0;
};

/// The fastest engine that knows the network. Throws as check_shapes() does.
template <class Real>
std::unique_ptr<Engine<Real>> make_engine(const Network& network, SampleShape input, Index tile_edge);

extern template std::unique_ptr<Engine<float>> make_engine(const Network&, SampleShape, Index);
extern template std::unique_ptr<Engine<double>> make_engine(const Network&, SampleShape, Index);

}  // namespace widegram::kernels
