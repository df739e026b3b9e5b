#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "src/dist/block_cyclic.hpp"
#include "src/dist/partition.hpp"
#include "src/gram/schedule.hpp"
#include "src/kernels/engine.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::gram {

/// Samples as the data layer leaves them: contiguous ranges over the ranks, a sample a column, in double.
struct SpreadSamples {
  MatrixView<const double> local;
  dist::Partition partition;
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

/// Collective. Fetches the inputs that `process` holds under `map`, rounds them to Real and prepares them.
/// Cost: inputs cross the network once; one self-pair a sample.
template <class Real>
Side prepare_side(const mpi::Communicator& comm, const kernels::Engine<Real>& engine,
                  const SpreadSamples& samples, SampleRole role, const dist::BlockCyclic& map, int process);

/// What one rank needs to compute its tiles of the training Gram and of the test x train block.
struct Operands {
  Side rows;       ///< training samples of this rank's block rows
  Side cols;       ///< training samples of its block columns
  Side test_rows;  ///< test samples of its block rows; empty without a test set
};

/// Computes tiles of one Gram on this rank. Tiles are whole: rows and columns of `out` are the tile's true
/// extents. Throws Error(numerical) naming the samples where an entry is not finite: the network's variances
/// have overflowed.
template <class Real>
class TileComputer {
 public:
  TileComputer(const kernels::Engine<Real>& engine, kernels::Function function, const Layout& layout,
               const Operands& operands)
      : engine_(engine), function_(function), layout_(layout), operands_(operands) {}

  /// Training tile; one on the diagonal comes symmetric to the bit. The same bits whether mirrored or not.
  void train(const TileTask& task, MatrixView<Real> out) const;
  /// Test x train tile: rows are test samples.
  void test(TileIndex row, TileIndex col, MatrixView<Real> out) const;

 private:
  void check_finite(TileIndex row, TileIndex col, MatrixView<const Real> tile, const char* rows) const;
  void compute(const Side& rows, TileIndex row, const Side& cols, TileIndex col, MatrixView<Real> out) const;

  const kernels::Engine<Real>& engine_;
  kernels::Function function_;
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
