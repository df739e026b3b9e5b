#include "io/gram_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "io/file_checks.hpp"
#include "io/gram_store_skeleton.hpp"
#include "io/result_file.hpp"
#include "src/base/aligned_vector.hpp"
#include "src/base/fingerprint.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

/// Runs `work` with an empty value of the type that the file keeps.
template <class F>
auto with_stored_type(Precision precision, F&& work) {
  return precision == Precision::float32 ? work(float{}) : work(double{});
}

template <class Real>
void check_extent(const GramTiles& tiles, const StoredTile<Real>& tile) {
  if (!tiles.holds(tile.row, tile.col) || tile.entries.rows != tiles.rows().range(tile.row).size() ||
      tile.entries.cols != tiles.cols().range(tile.col).size())
    throw std::logic_error(fmt::format("{} x {} entries are no tile ({}, {}) of {}", tile.entries.rows,
                                       tile.entries.cols, tile.row, tile.col, dataset_name(tiles.part())));
}

}  // namespace

GramStore::GramStore(mpi::Communicator comm, hdf5::File file, hdf5::Access access)
    : comm_(std::move(comm)),
      file_(std::move(file)),
      header_(read_header(file_)),
      complete_(read_complete(file_)) {
  if (const std::vector<std::string> damaged = damaged_samples(file_, header_); !damaged.empty())
    throw Error(
        ExitCode::files,
        fmt::format("{}: {}, which says what samples the Gram is of, is damaged: restore the file, or "
                    "remove it and run 'gram' again",
                    file_.path(), damaged.front()));
  parts_.emplace_back(file_, access, header_, GramPart::train);
  if (header_.m() > 0) parts_.emplace_back(file_, access, header_, GramPart::test_train);
}

GramStore GramStore::create(const mpi::Communicator& comm, const std::string& path,
                            const GramHeader& header) {
  if (header.n() == 0 || header.tile <= 0)
    throw std::logic_error("a Gram store needs samples and a tile's edge");
  mpi::on_root(comm, [&] {
    require_place_for_file(path);
    if (std::filesystem::exists(path))
      throw Error(ExitCode::files,
                  fmt::format("{} exists already: remove it or choose another output", path));
    const DraftGuard draft = make_gram_draft(path, header, comm.size());
    publish(path);
  });
  return open(comm, path, hdf5::Access::write);
}

GramStore GramStore::open(const mpi::Communicator& comm, const std::string& path, hdf5::Access access) {
  mpi::on_root(comm, [&] { require_seal(path, "gram"); });
  hdf5::File file = hdf5::File::open_all(comm, path, access);
  mpi::Communicator own = comm.duplicate();
  GramStore store =
      mpi::collectively(comm, [&] { return GramStore(std::move(own), std::move(file), access); });
  if (access == hdf5::Access::write) mpi::on_root(comm, [&] { store.file(GramPart::train).clear_unused(); });
  return store;
}

Index GramStore::done_count(GramPart part) const {
  const std::span<const std::uint64_t> records = file(part).records();
  return static_cast<Index>(records.size()) - std::count(records.begin(), records.end(), 0U);
}

template <class Real>
PackedTile GramStore::pack(GramPart part, const StoredTile<const Real>& tile,
                           std::span<std::byte> chunk) const {
  const GramTileFile& to = file(part);
  check_extent(to.tiles(), tile);
  const bool on_diagonal = part == GramPart::train && tile.row == tile.col;
  with_stored_type(header_.precision, [&]<class Stored>(Stored) {
    const std::span entries(reinterpret_cast<Stored*>(chunk.data()), chunk.size() / sizeof(Stored));
    pack_tile<Stored, Real>(tile.entries, header_.tile, on_diagonal, entries);
  });
  return {tile.row, tile.col, to.record_of(tile.row, tile.col, chunk), chunk};
}

void GramStore::write_packed(GramPart part, std::span<const PackedTile> tiles) {
  GramTileFile& to = file_of(part);
  to.write_chunks(tiles);
  std::vector<GramTileFile::Record> records;
  for (const PackedTile& tile : tiles)
    records.push_back({to.tiles().number(tile.row, tile.col), tile.record});
  to.write_records(std::move(records));
}

template <class Real>
void GramStore::write_tiles(GramPart part, std::span<const StoredTile<const Real>> tiles) {
  const std::size_t bytes = file(part).chunk_bytes();
  AlignedVector<std::byte> room(tiles.size() * bytes);
  std::vector<PackedTile> packed;
  for (std::size_t k = 0; k < tiles.size(); ++k)
    packed.push_back(pack<Real>(part, tiles[k], std::span(room).subspan(k * bytes, bytes)));
  write_packed(part, packed);
}

template <class Real>
std::vector<std::size_t> GramStore::read_tiles(GramPart part, std::span<const StoredTile<Real>> tiles) {
  GramTileFile& file = file_of(part);
  std::vector<std::size_t> absent;
  with_stored_type(header_.precision, [&]<class Stored>(Stored) {
    std::vector<Stored> chunk(file.chunk_bytes() / sizeof(Stored));
    for (std::size_t k = 0; k < tiles.size(); ++k) {
      const StoredTile<Real>& tile = tiles[k];
      check_extent(file.tiles(), tile);
      if (const std::uint64_t record = file.record(tile.row, tile.col); record != 0) {
        const auto bytes = std::as_writable_bytes(std::span(chunk));
        file.read_chunks(tile.row, tile.col, bytes);
        if (file.record_of(tile.row, tile.col, bytes) != record) file.distrust(tile.row, tile.col);
      }
      if (done(part, tile.row, tile.col))
        unpack_tile<Stored, Real>(chunk, header_.tile, tile.entries);
      else
        absent.push_back(k);
    }
  });
  return absent;
}

void GramStore::write_test_diagonal(std::span<const double> values) {
  mpi::on_root(comm_, [&] {
    hdf5::Dataset(file_, "/test_diagonal").write_all<double>(values);
    const std::uint64_t record = checksum(values);
    hdf5::Dataset(file_, "/tiles/test_diagonal").write_all<std::uint64_t>({&record, 1});
  });
}

std::optional<std::vector<double>> GramStore::read_test_diagonal() const {
  const std::uint64_t record = hdf5::Dataset(file_, "/tiles/test_diagonal").read_all<std::uint64_t>().front();
  std::vector<double> values = hdf5::Dataset(file_, "/test_diagonal").read_all<double>();
  if (record == 0 || checksum(std::span<const double>(values)) != record) return std::nullopt;
  return values;
}

void GramStore::share(GramPart part) {
  GramTileFile& file = file_of(part);
  mpi::collectively(comm_, [&] { file.sync(); });
  if (comm_.max(file.distrusted()) > 0)
    throw std::logic_error(dataset_name(part) + ": a damaged tile was not written again");
  comm_.all_reduce(file.records(), MPI_MAX);
  if (done_count(part) != file.tiles().count())
    throw std::logic_error(fmt::format("{}: {} of {} tiles are there at the end", dataset_name(part),
                                       done_count(part), file.tiles().count()));
  mpi::collectively(comm_, [&] { file.reopen(); });
}

void GramStore::finish() {
  share(GramPart::train);
  if (header_.m() > 0) {
    share(GramPart::test_train);
    const int there =
        mpi::collectively(comm_, [&] { return comm_.is_root() && !read_test_diagonal() ? 0 : 1; });
    if (comm_.min(there) == 0) throw std::logic_error("/test_diagonal is not there at the end");
  }
  // The tiles are on disk before the word that they are.
  const auto flush = [&] { hdf5::check(H5Fflush(file_.id(), H5F_SCOPE_GLOBAL), file_.origin()); };
  mpi::collectively(comm_, flush);
  mpi::collectively(comm_, [&] { write_complete(file_, true); });
  mpi::collectively(comm_, flush);
  complete_ = true;
}

void GramStore::close() {
  mpi::collectively(comm_, [&] {
    parts_.clear();
    file_.close();
  });
}

template PackedTile GramStore::pack(GramPart, const StoredTile<const float>&, std::span<std::byte>) const;
template PackedTile GramStore::pack(GramPart, const StoredTile<const double>&, std::span<std::byte>) const;
template void GramStore::write_tiles(GramPart, std::span<const StoredTile<const float>>);
template void GramStore::write_tiles(GramPart, std::span<const StoredTile<const double>>);
template std::vector<std::size_t> GramStore::read_tiles(GramPart, std::span<const StoredTile<float>>);
template std::vector<std::size_t> GramStore::read_tiles(GramPart, std::span<const StoredTile<double>>);

}  // namespace widegram::io
