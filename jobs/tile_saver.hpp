#pragma once

#include <vector>

#include "io/gram_store.hpp"
#include "src/base/timer.hpp"

namespace widegram::jobs {

/// Hands finished tiles to a store in batches: when `seconds` have passed since the last one, or its share of
/// 16 MiB has gathered. Local to the rank; errors are those of GramStore::write_tiles().
template <class Real>
class TileSaver {
 public:
  /// savers: that work side by side and share the memory.
  TileSaver(io::GramStore& store, io::GramPart part, double seconds, std::size_t savers)
      : store_(store), part_(part), seconds_(seconds), most_bytes_(all_bytes / savers) {
    entries_.reserve(most_bytes_ / sizeof(Real));
  }

  /// Copies the tile.
  void add(TileIndex row, TileIndex col, MatrixView<const Real> entries) {
    const auto size = static_cast<std::size_t>(entries.rows * entries.cols);
    if ((entries_.size() + size) * sizeof(Real) > most_bytes_) flush();
    waiting_.push_back({row, col, entries.rows, entries.cols, entries_.size()});
    for (Index j = 0; j < entries.cols; ++j)
      entries_.insert(entries_.end(), entries.column(j), entries.column(j) + entries.rows);
    if (since_.seconds() > seconds_) flush();
  }

  /// Saves what waits. To be called once the last tile has been added.
  void flush() {
    std::vector<io::StoredTile<const Real>> tiles;
    tiles.reserve(waiting_.size());
    for (const Waiting& tile : waiting_)
      tiles.push_back({tile.row, tile.col, {entries_.data() + tile.offset, tile.rows, tile.cols}});
    store_.write_tiles<Real>(part_, tiles);
    waiting_.clear();
    entries_.clear();
    since_ = Timer();
  }

 private:
  static constexpr std::size_t all_bytes = std::size_t{16} << 20;
  struct Waiting {
    TileIndex row;
    TileIndex col;
    Index rows;
    Index cols;
    std::size_t offset;
  };

  io::GramStore& store_;
  io::GramPart part_;
  double seconds_;
  std::size_t most_bytes_;
  Timer since_;
  std::vector<Waiting> waiting_;
  std::vector<Real> entries_;
};

}  // namespace widegram::jobs
