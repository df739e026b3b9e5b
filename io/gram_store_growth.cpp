#include "io/gram_store_growth.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "io/gram_store_skeleton.hpp"
#include "io/result_file.hpp"
#include "src/base/matrix.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/work_list.hpp"

namespace widegram::io {

namespace {

using Place = std::pair<TileIndex, TileIndex>;

/// Tiles of the old store that are whole in the new one too, this rank's share of them.
std::vector<Place> tiles_to_keep(const mpi::Communicator& comm, const GramStore& old, const GramStore& grown,
                                 GramPart part) {
  const GramTiles& before = old.tiles(part);
  const GramTiles& after = grown.tiles(part);
  std::vector<Place> keep;
  for (TileIndex row = 0; row < before.rows().count(); ++row)
    for (TileIndex col = 0; col < before.cols().count() && before.holds(row, col); ++col)
      if (old.done(part, row, col) && before.rows().range(row).size() == after.rows().range(row).size() &&
          before.cols().range(col).size() == after.cols().range(col).size())
        keep.emplace_back(row, col);
  const Range share = dist::Partition{static_cast<Index>(keep.size()), comm.size()}.range(comm.rank());
  return {keep.begin() + share.begin, keep.begin() + share.end};
}

template <class Real>
void copy_tiles(const mpi::Communicator& comm, GramStore& old, GramStore& grown, GramPart part) {
  constexpr Index at_once = 64;
  const Index edge = old.header().tile;
  const GramTiles& tiles = old.tiles(part);
  const std::vector<Place> keep = tiles_to_keep(comm, old, grown, part);
  const auto count = static_cast<Index>(keep.size());
  Matrix<Real> room(edge * edge, at_once);
  mpi::work_through(comm, ceil_div(count, at_once), [&](Index batch) {
    std::vector<StoredTile<Real>> read;
    for (Index k = batch * at_once; k < std::min(count, (batch + 1) * at_once); ++k) {
      const auto [row, col] = keep[static_cast<std::size_t>(k)];
      read.push_back({row,
                      col,
                      {room.column(k - batch * at_once), tiles.rows().range(row).size(),
                       tiles.cols().range(col).size()}});
    }
    std::vector<std::size_t> damaged = old.read_tiles<Real>(part, read);
    std::vector<StoredTile<const Real>> sound;
    for (std::size_t k = 0; k < read.size(); ++k)
      if (!std::binary_search(damaged.begin(), damaged.end(), k))
        sound.push_back({read[k].row, read[k].col, read[k].entries});
    grown.write_tiles<Real>(part, sound);
  });
}

void copy_part(const mpi::Communicator& comm, GramStore& old, GramStore& grown, GramPart part) {
  if (old.header().precision == Precision::float32)
    copy_tiles<float>(comm, old, grown, part);
  else
    copy_tiles<double>(comm, old, grown, part);
}

}  // namespace

GramStore grow_store(const mpi::Communicator& comm, const std::string& path, const GramHeader& header) {
  DraftGuard draft;
  mpi::on_root(comm, [&] { draft = make_gram_draft(path, header, comm.size()); });
  GramStore old = GramStore::open(comm, path, hdf5::Access::read);
  GramStore grown = GramStore::open(comm, draft_path(path), hdf5::Access::write);
  copy_part(comm, old, grown, GramPart::train);
  if (old.header().m() > 0) copy_part(comm, old, grown, GramPart::test_train);
  if (old.header().m() == header.m() && header.m() > 0) {
    const auto diagonal = mpi::collectively(comm, [&] { return old.read_test_diagonal(); });
    if (comm.min(diagonal ? 1 : 0) == 1) grown.write_test_diagonal(*diagonal);
  }
  old.close();
  grown.close();
  mpi::on_root(comm, [&] { publish(path); });
  return GramStore::open(comm, path, hdf5::Access::write);
}

}  // namespace widegram::io
