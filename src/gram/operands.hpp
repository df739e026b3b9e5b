#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "src/dist/block_cyclic.hpp"
#include "src/dist/partition.hpp"
#include "src/gram/schedule.hpp"
#include "src/kernels/engine.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::gram {

/// Samples as the data layer leaves them: contiguous ranges over the ranks, a sample a column, in double. In
/// flip_pairs block edges must be even, so that no pair is taken apart.
struct SpreadSamples {
  MatrixView<const double> local;
  dist::Partition partition;
  kernels::SampleOrder order = kernels::SampleOrder::single;
};

/// Whether samples count as training or test samples: the same number means two different samples.
enum class SampleRole { train, test };

/// The prepared samples behind the block rows (or block columns) of one rank, and nothing else of the data.
struct Side {
  dist::BlockCyclic map;
  std::shared_ptr<const kernels::Prepared> samples;

  /// Where tile t begins among the prepared samples.
  Index position(TileIndex t, Index tile) const { return map.to_local(t * tile); }
};

/// Collective. Fetches the inputs of these samples, rounds them to Real and prepares them. Each rank may ask
/// for others. Cost: inputs cross the network once; one self-pair a sample.
template <class Real>
std::shared_ptr<const kernels::Prepared> prepare_samples(const mpi::Communicator& comm,
                                                         const kernels::Engine<Real>& engine,
                                                         const SpreadSamples& samples, SampleRole role,
                                                         const std::vector<GlobalIndex>& indices);

/// Collective. The same for the samples that `process` holds under `map`.
template <class Real>
Side prepare_side(const mpi::Communicator& comm, const kernels::Engine<Real>& engine,
                  const SpreadSamples& samples, SampleRole role, const dist::BlockCyclic& map, int process);

/// What one rank needs to compute its tiles of the training Gram and of the test x train block.
struct Operands {
  Side rows;       ///< training samples of this rank's block rows
  Side cols;       ///< training samples of its block columns
  Side test_rows;  ///< test samples of its block rows; empty without a test set
};

/// Collective. The training samples behind the block rows and block columns of the rank at (grid_row,
/// grid_col). On a grid of one row every rank has all samples among its rows, and its columns are found
/// there.
template <class Real>
Operands prepare_training(const mpi::Communicator& comm, const kernels::Engine<Real>& engine,
                          const SpreadSamples& samples, const Layout& layout, int grid_row, int grid_col) {
  Operands operands;
  operands.rows = prepare_side(comm, engine, samples, SampleRole::train, layout.rows(), grid_row);
  operands.cols = layout.grid.rows == 1
                      ? operands.rows
                      : prepare_side(comm, engine, samples, SampleRole::train, layout.cols(), grid_col);
  return operands;
}

/// One of the Grams on the same samples that an engine can compute.
struct GramChoice {
  Index network = 0;  ///< of the engine's
  kernels::Function function = kernels::Function::ntk;
};

/// The engine's outputs, a network each, with the Grams' views where they belong.
template <class Real>
std::vector<kernels::TileOutput<Real>> tile_outputs(const kernels::Engine<Real>& engine,
                                                    std::span<const GramChoice> grams,
                                                    std::span<const MatrixView<Real>> views) {
  std::vector<kernels::TileOutput<Real>> outputs(static_cast<std::size_t>(engine.networks()));
  for (std::size_t k = 0; k < grams.size(); ++k) {
    kernels::TileOutput<Real>& output = outputs[static_cast<std::size_t>(grams[k].network)];
    (grams[k].function == kernels::Function::ntk ? output.ntk : output.nngp) = views[k];
  }
  return outputs;
}

/// Computes tiles of one or several Grams on this rank, a view a Gram; an empty view is not computed. Tiles
/// are whole: rows and columns of a view are the tile's true extents. Throws Error(numerical) naming the
/// samples where an entry is not finite: the network's variances have overflowed.
template <class Real>
class TileComputer {
 public:
  TileComputer(const kernels::Engine<Real>& engine, std::vector<GramChoice> grams, const Layout& layout,
               const Operands& operands)
      : engine_(engine), grams_(std::move(grams)), layout_(layout), operands_(operands) {}

  /// Training tile; one on the diagonal comes symmetric to the bit. The same bits whether mirrored or not.
  void train(const TileTask& task, std::span<const MatrixView<Real>> out) const;
  /// Test x train tile: rows are test samples.
  void test(const TileTask& task, std::span<const MatrixView<Real>> out) const;

 private:
  void check_finite(const TileTask& task, MatrixView<const Real> tile, const char* rows) const;
  void compute(const Side& rows, TileIndex row, const Side& cols, TileIndex col,
               std::span<const MatrixView<Real>> out) const;

  const kernels::Engine<Real>& engine_;
  std::vector<GramChoice> grams_;
  Layout layout_;
  const Operands& operands_;
};

extern template Side prepare_side(const mpi::Communicator&, const kernels::Engine<float>&,
                                  const SpreadSamples&, SampleRole, const dist::BlockCyclic&, int);
extern template Side prepare_side(const mpi::Communicator&, const kernels::Engine<double>&,
                                  const SpreadSamples&, SampleRole, const dist::BlockCyclic&, int);
extern template class TileComputer<float>;
extern template class TileComputer<double>;

}  // namespace widegram::gram
