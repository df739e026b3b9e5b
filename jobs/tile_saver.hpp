#pragma once

#include <vector>

#include "io/gram_store.hpp"
#include "src/base/timer.hpp"

namespace widegram::jobs {

/// Hands finished tiles to a store in batches: as soon as a save takes at most a hundredth of the time since
/// the last one, at the latest when `seconds` have passed, or its share of 16 MiB has gathered. So slow tiles
/// are saved one by one, and no kill takes more than the one at hand. Local to the rank; errors are those of
/// GramStore::write_tiles().
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
    const double waited = since_.seconds();
    if (waited > seconds_ || waited > most_share * save_seconds_) flush();
  }

  /// Saves what waits. To be called once the last tile has been added.
  void flush() {
    const Timer saving;
    std::vector<io::StoredTile<const Real>> tiles;
    tiles.reserve(waiting_.size());
    for (const Waiting& tile : waiting_)
      tiles.push_back({tile.row, tile.col, {entries_.data() + tile.offset, tile.rows, tile.cols}});
    store_.write_tiles<Real>(part_, tiles);
    waiting_.clear();
    entries_.clear();
    save_seconds_ = saving.seconds();
    since_ = Timer();
  }

 private:
  static constexpr double most_share = 100.0;
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
  double save_seconds_ = 1e-3;  ///< that the last save took; a guess before the first
  std::vector<Waiting> waiting_;
  std::vector<Real> entries_;
};

}  // namespace widegram::jobs
