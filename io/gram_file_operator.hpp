#pragma once

#include <span>
#include <vector>

#include "io/gram_store.hpp"
#include "src/dist/linear_operator.hpp"
#include "src/dist/tile_product.hpp"

namespace widegram::io {

/// The training Gram of a finished store, which stays on disk: products stream its tiles, a share of them on
/// each rank, read ahead on a thread while the last ones are multiplied. Every tile is held to its checksum
/// each time that it is read: an Error(files) names the damaged one. Memory a rank: 2 n k numbers for k
/// vectors, and about 20 MiB of buffers, whatever n.
class GramFileOperator : public dist::LinearOperator {
 public:
  /// Collective. The store outlives the operator.
  GramFileOperator(const mpi::Communicator& comm, const GramStore& store);

  const mpi::Communicator& comm() const override { return comm_; }
  const dist::Partition& layout() const override { return layout_; }
  /// Reads the file once, whatever the number of vectors.
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;
  std::vector<double> diagonal() const override;
  /// Reads the tiles that the columns cross, each once.
  Matrix<double> columns(std::span<const GlobalIndex> chosen) const override;
  Index cheap_vectors() const override { return dist::cheap_vectors_unstored; }

  /// What products have read so far on this rank, in which time, and how long they waited for it.
  struct Traffic {
    double bytes = 0;
    double seconds = 0;
    double waited = 0;
  };
  const Traffic& traffic() const { return traffic_; }

 private:
  /// Neighbouring tiles of one tile row; the last one may be on the diagonal.
  struct Run {
    TileIndex row = 0;
    TileIndex col = 0;
    Index tiles = 1;
  };
  std::vector<Run> share() const;
  template <class Stored>
  void stream(dist::TileProduct& product) const;
  template <class Stored>
  Matrix<double> read_columns(std::span<const GlobalIndex> chosen) const;
  template <class Stored>
  std::vector<double> read_diagonal() const;

  const mpi::Communicator& comm_;
  const GramStore& store_;
  dist::Partition layout_;
  std::vector<Run> runs_;  ///< of this rank
  mutable Traffic traffic_;
};

}  // namespace widegram::io
