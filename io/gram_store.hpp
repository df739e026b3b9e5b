#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/gram_store_header.hpp"
#include "io/gram_store_tiles.hpp"
#include "src/base/matrix_view.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// A tile to be saved, or room for one to be read: its place, and its entries where the caller has them.
template <class Real>
struct StoredTile {
  TileIndex row = 0;
  TileIndex col = 0;
  MatrixView<Real> entries;  ///< of the tile's extent: less than the edge at the matrix's end
};

/// A Gram on disk, open on all ranks of a communicator: one gram.h5.
///
///   /train (N x N, float32 | float64)    the lower triangle in tiles; zero above the diagonal
///   /test_train (M x N), /test_diagonal (M, float64)               absent where M = 0
///   /tiles/train, /tiles/test_train, /tiles/test_diagonal (uint64)   record of each tile; 0: not there
///   /samples/train, /samples/test (uint64)                         checksum of each sample
///   attributes: what the entries depend on (GramHeader), who made it (Provenance), complete = 0 | 1
///
/// h5py sees entry (row i, column j) as /train[i, j]. A tile is on disk before its record: whatever is
/// killed, and when, a record never speaks of a tile that was not written. After a loss of power it may, and
/// the checksum tells. The structure of the file is written once, under another name, and sealed
/// (io/result_file.hpp).
///
/// create(), open(), finish() and close() are collective; reading and writing tiles is local: wrap it in
/// mpi::collectively().
class GramStore {
 public:
  /// A new store with no tile in it. The header is the same on all ranks. Throws Error(files) where `path`
  /// exists (the caller opens it, compares headers with difference(), and decides) or cannot be written.
  static GramStore create(const mpi::Communicator& comm, const std::string& path, const GramHeader& header);
  /// A store that exists, finished or not; opened for writing, what damage has put above the diagonal goes.
  /// Throws Error(files): missing, cut, damaged in its structure, of another format.
  static GramStore open(const mpi::Communicator& comm, const std::string& path, hdf5::Access access);

  const GramHeader& header() const { return header_; }
  const GramTiles& tiles(GramPart part) const { return file(part).tiles(); }
  /// The chunks and records of one matrix, for those who stream them.
  const GramTileFile& file(GramPart part) const { return parts_.at(static_cast<std::size_t>(part)); }
  bool complete() const { return complete_; }

  /// Whether the tile is on disk, as far as this rank knows: by the records when the store was opened and by
  /// what this rank has written or found damaged since.
  bool done(GramPart part, TileIndex row, TileIndex col) const { return file(part).record(row, col) != 0; }
  /// Number of tiles that are done by the same knowledge.
  Index done_count(GramPart part) const;

  /// Saves tiles of this rank, then their records. Local; any number, also none. Above the diagonal of /train
  /// nothing is read. One write of tile^2 entries a tile and one for each run of neighbouring records. Throws
  /// Error(files) (disk full, ...): tiles recorded so far stay valid. Entries must be exact in the file's
  /// precision (std::logic_error).
  template <class Real>
  void write_tiles(GramPart part, std::span<const StoredTile<const Real>> tiles);

  /// The same in two steps, for who packs tiles while they are in the processor's cache: into chunks of
  /// file(part).chunk_bytes() bytes, aligned for entries of the file.
  template <class Real>
  PackedTile pack(GramPart part, const StoredTile<const Real>& tile, std::span<std::byte> chunk) const;
  void write_packed(GramPart part, std::span<const PackedTile> tiles);

  /// Reads tiles and checks them against their records. Local. Returns the positions in `tiles` of those that
  /// are missing or damaged (their entries are undefined); they are not done() any more, and this rank is to
  /// write the damaged ones again. Throws Error(files) where the file cannot be read.
  template <class Real>
  std::vector<std::size_t> read_tiles(GramPart part, std::span<const StoredTile<Real>> tiles);

  /// Collective. K(x, x) of all test samples; the root's values count.
  void write_test_diagonal(std::span<const double> values);
  /// Local. Nothing where it was never written or is damaged.
  std::optional<std::vector<double>> read_test_diagonal() const;

  /// Collective. Every rank learns of the tiles that the others have written, and sees their bytes. Throws
  /// std::logic_error where one is missing.
  void share(GramPart part);

  /// Collective. Brings all to disk, checks that every tile and the test diagonal are recorded, by whichever
  /// rank, and sets `complete`. Throws std::logic_error where something is missing.
  void finish();
  /// Collective. Throws Error(files) where the last bytes cannot be written.
  void close();

 private:
  GramStore(mpi::Communicator comm, hdf5::File file, hdf5::Access access);
  GramTileFile& file_of(GramPart part) { return parts_.at(static_cast<std::size_t>(part)); }

  mpi::Communicator comm_;
  hdf5::File file_;
  GramHeader header_;
  std::vector<GramTileFile> parts_;  ///< by GramPart; the second only where there are test samples
  bool complete_ = false;
};

extern template PackedTile GramStore::pack(GramPart, const StoredTile<const float>&,
                                           std::span<std::byte>) const;
extern template PackedTile GramStore::pack(GramPart, const StoredTile<const double>&,
                                           std::span<std::byte>) const;
extern template void GramStore::write_tiles(GramPart, std::span<const StoredTile<const float>>);
extern template void GramStore::write_tiles(GramPart, std::span<const StoredTile<const double>>);
extern template std::vector<std::size_t> GramStore::read_tiles(GramPart, std::span<const StoredTile<float>>);
extern template std::vector<std::size_t> GramStore::read_tiles(GramPart, std::span<const StoredTile<double>>);

}  // namespace widegram::io
