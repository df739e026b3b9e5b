#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "io/gram_store_header.hpp"
#include "io/raw_file.hpp"
#include "src/base/matrix_view.hpp"

namespace widegram::io {

/// A tile as it goes to the file: its place, its record, and its chunk.
struct PackedTile {
  TileIndex row = 0;
  TileIndex col = 0;
  std::uint64_t record = 0;
  std::span<const std::byte> chunk;
};

/// Where the first chunk of a matrix lies in a finished gram.h5 of `file_bytes` bytes. The chunks of /train
/// and then those of /test_train end the file, each matrix row by row: HDF5 sets their space aside in that
/// order (make_gram_draft() checks it).
Index first_chunk(const GramHeader& header, GramPart part, Index file_bytes);

/// One matrix of an open gram.h5 and the records of its tiles: whole chunks in and out, local to the process.
/// The structure is HDF5's; the chunks themselves are read and written by plain calls of the system, without
/// its locks and caches.
///
/// A chunk is a full tile x tile square, row-major, in the machine's own byte order, zero beyond the matrix's
/// edge and, on the diagonal of /train, above the diagonal. Its record is a checksum of exactly those bytes
/// and of the tile's place: tiles that have changed places, even with their records, are found.
class GramTileFile {
 public:
  GramTileFile(const hdf5::File& file, hdf5::Access access, const GramHeader& header, GramPart part);

  const GramTiles& tiles() const { return tiles_; }
  std::size_t chunk_bytes() const { return chunk_bytes_; }
  /// Of file and dataset, for messages.
  const std::string& name() const { return name_; }
  /// Of a tile, as far as this process knows: read when the file was opened, and what it has written since.
  /// 0: not there.
  std::uint64_t record(TileIndex row, TileIndex col) const {
    return records_[static_cast<std::size_t>(tiles_.number(row, col))];
  }
  /// The record that a tile of these bytes has at this place; never 0.
  std::uint64_t record_of(TileIndex row, TileIndex col, std::span<const std::byte> chunk) const;
  std::span<std::uint64_t> records() { return records_; }
  std::span<const std::uint64_t> records() const { return records_; }

  /// Takes a tile for missing from now on, because its bytes are not what its record says.
  void distrust(TileIndex row, TileIndex col);
  /// Number of distrusted tiles that this process has not written again.
  Index distrusted() const { return static_cast<Index>(distrusted_.size()); }

  /// Squares (row, col), (row, col + 1), ... of the matrix, also above the diagonal: as many as there is room
  /// for. May be called on several threads. Throws Error(files).
  void read_chunks(TileIndex row, TileIndex col, std::span<std::byte> chunks) const;
  /// The same, each held to its record: throws Error(files) naming the first that is damaged or missing.
  void read_checked(TileIndex row, TileIndex col, std::span<std::byte> chunks) const;
  /// Tells the system that `tiles` squares from this one on will be read soon.
  void expect_chunks(TileIndex row, TileIndex col, Index tiles) const {
    bytes_.expect({place(row, col), place(row, col) + tiles * static_cast<Index>(chunk_bytes_)});
  }
  /// Neighbours in the file in one call of the system.
  void write_chunks(std::span<const PackedTile> tiles) const;

  /// Brings to disk what this process has written; and opens the file anew, so that a network file system
  /// shows what others have.
  void sync() const { bytes_.sync(); }
  void reopen() { bytes_.reopen(); }

  /// Squares above the diagonal of /train, which hold nothing: whatever damage has put there goes. One call
  /// of the system a tile row.
  void clear_unused() const;

  struct Record {
    Index number = 0;
    std::uint64_t checksum = 0;
  };
  /// Writes records, neighbours together; aligned words that a kill leaves either old or new.
  void write_records(std::vector<Record> records);

 private:
  Index place(TileIndex row, TileIndex col) const {
    return first_ + (row * tiles_.cols().count() + col) * static_cast<Index>(chunk_bytes_);
  }

  GramTiles tiles_;
  std::string name_;
  RawFile bytes_;
  Index first_ = 0;  ///< byte of the file where chunk (0, 0) begins
  hdf5::Dataset records_dataset_;
  std::vector<std::uint64_t> records_;
  std::set<Index> distrusted_;
  std::size_t chunk_bytes_ = 0;
};

/// Column-major tile -> chunk of `Stored`. Throws std::logic_error where an entry is not exactly a Stored
/// (the matrix in memory and the one in the file would differ). `chunk` has edge * edge entries.
template <class Stored, class Real>
void pack_tile(MatrixView<const Real> tile, Index edge, bool on_diagonal, std::span<Stored> chunk);

/// Chunk -> column-major tile of tile.rows x tile.cols.
template <class Stored, class Real>
void unpack_tile(std::span<const Stored> chunk, Index edge, MatrixView<Real> tile);

}  // namespace widegram::io
