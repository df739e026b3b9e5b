#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "io/gram_store.hpp"
#include "src/base/aligned_vector.hpp"
#include "src/base/timer.hpp"

namespace widegram::jobs {

/// Hands finished tiles to a store in batches: as soon as a save takes at most a hundredth of the time since
/// the last one, at the latest when `seconds` have passed, or its share of 1 MiB has gathered (which the
/// processor's cache holds). So slow tiles are saved one by one, and no kill takes more than the one at hand.
/// Local to the rank; errors are those of GramStore::write_tiles().
template <class Real>
class TileSaver {
 public:
  /// savers: that work side by side and share the memory.
  TileSaver(io::GramStore& store, io::GramPart part, double seconds, std::size_t savers)
      : store_(store),
        part_(part),
        seconds_(seconds),
        chunk_bytes_(store.file(part).chunk_bytes()),
        most_(std::max<std::size_t>(1, all_bytes / savers / chunk_bytes_)),
        room_(most_ * chunk_bytes_) {}

  /// Copies the tile.
  void add(TileIndex row, TileIndex col, MatrixView<const Real> entries) {
    const auto chunk = std::span(room_).subspan(waiting_.size() * chunk_bytes_, chunk_bytes_);
    waiting_.push_back(store_.pack<Real>(part_, {row, col, entries}, chunk));
    const double waited = since_.seconds();
    if (waiting_.size() == most_ || waited > seconds_ || waited > most_share * save_seconds_) flush();
  }

  /// Saves what waits. To be called once the last tile has been added.
  void flush() {
    const Timer saving;
    store_.write_packed(part_, waiting_);
    waiting_.clear();
    save_seconds_ = saving.seconds();
    all_seconds_ += save_seconds_;
    since_ = Timer();
  }

  /// That all saves have taken.
  double seconds() const { return all_seconds_; }

 private:
  static constexpr double most_share = 100.0;
  static constexpr std::size_t all_bytes = std::size_t{1} << 20;

  io::GramStore& store_;
  io::GramPart part_;
  double seconds_;
  std::size_t chunk_bytes_;
  std::size_t most_;  ///< tiles that there is room for
  AlignedVector<std::byte> room_;
  Timer since_;
  double save_seconds_ = 1e-3;  ///< that the last save took; a guess before the first
  double all_seconds_ = 0;
  std::vector<io::PackedTile> waiting_;
};

}  // namespace widegram::jobs
