#include "io/gram_store_tiles.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <type_traits>

#include "io/result_file.hpp"
#include "src/base/fingerprint.hpp"
#include "src/base/transpose.hpp"

namespace widegram::io {

Index first_chunk(const GramHeader& header, GramPart part, Index file_bytes) {
  const Index entry = header.precision == Precision::float32 ? sizeof(float) : sizeof(double);
  const Index chunk = header.tile * header.tile * entry;
  const auto bytes = [&](GramPart of) {
    const GramTiles tiles(header, of);
    return tiles.rows().count() * tiles.cols().count() * chunk;
  };
  return file_bytes - bytes(GramPart::test_train) - (part == GramPart::train ? bytes(GramPart::train) : 0);
}

GramTileFile::GramTileFile(const hdf5::File& file, hdf5::Access access, const GramHeader& header,
                           GramPart part)
    : tiles_(header, part),
      name_(file.path() + ": " + dataset_name(part)),
      bytes_(file.path(), access == hdf5::Access::write ? O_RDWR : O_RDONLY),
      first_(first_chunk(header, part, file_size(file.path()))),
      records_dataset_(file, records_name(part)),
      records_(records_dataset_.read_all<std::uint64_t>()) {
  const bool single = header.precision == Precision::float32;
  const auto edge = static_cast<std::size_t>(header.tile);
  chunk_bytes_ = edge * edge * (single ? sizeof(float) : sizeof(double));
  const std::vector<Index> shape{tiles_.rows().extent, tiles_.cols().extent};
  const hdf5::Dataset entries(file, dataset_name(part));
  if (entries.shape() != shape || !(single ? entries.holds<float>() : entries.holds<double>()) ||
      static_cast<Index>(records_.size()) != tiles_.count())
    throw Error(
        ExitCode::files,
        fmt::format("{}: {} is not the {} x {} matrix of {} that the file's attributes speak of", file.path(),
                    dataset_name(part), shape[0], shape[1], to_string(header.precision)));
}

std::uint64_t GramTileFile::record_of(TileIndex row, TileIndex col, std::span<const std::byte> chunk) const {
  const std::array<Index, 3> place{static_cast<Index>(tiles_.part()), row, col};
  return checksum(chunk, checksum(place.data(), sizeof place));
}

void GramTileFile::read_chunks(TileIndex row, TileIndex col, std::span<std::byte> chunks) const {
  if (bytes_.read(chunks, place(row, col)) != chunks.size())
    throw Error(ExitCode::files,
                name_ + " is cut short: restore the file, or remove it and run 'gram' again");
}

void GramTileFile::read_checked(TileIndex row, TileIndex col, std::span<std::byte> chunks) const {
  read_chunks(row, col, chunks);
  for (std::size_t at = 0; at < chunks.size(); at += chunk_bytes_, ++col)
    if (record_of(row, col, chunks.subspan(at, chunk_bytes_)) != record(row, col))
      throw Error(ExitCode::files, name_ + ": " + tiles_.name(row, col) +
                                       " is damaged: run 'gram' with this job, which computes it again");
}

void GramTileFile::write_chunks(std::span<const PackedTile> tiles) const {
  std::vector<const PackedTile*> order;
  for (const PackedTile& tile : tiles) order.push_back(&tile);
  const auto at = [&](const PackedTile* tile) { return place(tile->row, tile->col); };
  std::sort(order.begin(), order.end(),
            [&](const PackedTile* a, const PackedTile* b) { return at(a) < at(b); });
  std::vector<std::span<const std::byte>> run;
  for (std::size_t first = 0; first < order.size(); first += run.size()) {
    run.clear();
    for (std::size_t k = first;
         k < order.size() &&
         at(order[k]) == at(order[first]) + static_cast<Index>((k - first) * chunk_bytes_);
         ++k)
      run.push_back(order[k]->chunk);
    bytes_.write(run, at(order[first]));
  }
}

void GramTileFile::clear_unused() const {
  if (tiles_.part() != GramPart::train) return;
  for (TileIndex row = 0; row + 1 < tiles_.rows().count(); ++row)
    bytes_.clear({place(row, row + 1), place(row + 1, 0)});
}

void GramTileFile::distrust(TileIndex row, TileIndex col) {
  const Index number = tiles_.number(row, col);
  records_[static_cast<std::size_t>(number)] = 0;
  distrusted_.insert(number);
}

void GramTileFile::write_records(std::vector<Record> records) {
  std::sort(records.begin(), records.end(),
            [](const Record& a, const Record& b) { return a.number < b.number; });
  std::vector<std::uint64_t> run;
  for (std::size_t first = 0; first < records.size(); first += run.size()) {
    run.clear();
    const Index begin = records[first].number;
    for (std::size_t k = first;
         k < records.size() && records[k].number == begin + static_cast<Index>(k - first); ++k)
      run.push_back(records[k].checksum);
    records_dataset_.write<std::uint64_t>({{begin}, {static_cast<Index>(run.size())}}, run);
    std::copy(run.begin(), run.end(), records_.begin() + begin);
    distrusted_.erase(distrusted_.lower_bound(begin),
                      distrusted_.lower_bound(begin + static_cast<Index>(run.size())));
  }
}

namespace {

template <class Stored, class Real>
bool exact(MatrixView<const Real> tile, bool on_diagonal) {
  // Without a way out of the loop it runs on vectors. NaN is unequal to itself.
  int wrong = 0;
  for (Index j = 0; j < tile.cols; ++j) {
    const Real* column = tile.column(j);
    for (Index i = on_diagonal ? j : 0; i < tile.rows; ++i)
      wrong |= static_cast<Real>(static_cast<Stored>(column[i])) != column[i];
  }
  return wrong == 0;
}

}  // namespace

template <class Stored, class Real>
void pack_tile(MatrixView<const Real> tile, Index edge, bool on_diagonal, std::span<Stored> chunk) {
  if (tile.rows < edge || tile.cols < edge) std::fill(chunk.begin(), chunk.end(), Stored{0});
  if constexpr (std::is_same_v<Stored, Real>) {
    transpose(tile.data, tile.rows, tile.cols, tile.stride, chunk.data(), edge);
  } else {
    for (Index j = 0; j < tile.cols; ++j)
      for (Index i = 0; i < tile.rows; ++i)
        chunk[static_cast<std::size_t>(i * edge + j)] = static_cast<Stored>(tile(i, j));
  }
  if (!exact<Stored, Real>(tile, on_diagonal))
    throw std::logic_error(
        "a tile for the Gram store holds NaN or an entry of more digits than the file keeps");
  if (on_diagonal)
    for (Index i = 0; i < tile.rows; ++i)
      std::fill(chunk.begin() + i * edge + i + 1, chunk.begin() + (i + 1) * edge, Stored{0});
}

template <class Stored, class Real>
void unpack_tile(std::span<const Stored> chunk, Index edge, MatrixView<Real> tile) {
  if constexpr (std::is_same_v<Stored, Real>) {
    transpose(chunk.data(), tile.cols, tile.rows, edge, tile.data, tile.stride);
  } else {
    for (Index j = 0; j < tile.cols; ++j)
      for (Index i = 0; i < tile.rows; ++i)
        tile(i, j) = static_cast<Real>(chunk[static_cast<std::size_t>(i * edge + j)]);
  }
}

template void pack_tile(MatrixView<const float>, Index, bool, std::span<float>);
template void pack_tile(MatrixView<const float>, Index, bool, std::span<double>);
template void pack_tile(MatrixView<const double>, Index, bool, std::span<float>);
template void pack_tile(MatrixView<const double>, Index, bool, std::span<double>);
template void unpack_tile(std::span<const float>, Index, MatrixView<float>);
template void unpack_tile(std::span<const float>, Index, MatrixView<double>);
template void unpack_tile(std::span<const double>, Index, MatrixView<float>);
template void unpack_tile(std::span<const double>, Index, MatrixView<double>);

}  // namespace widegram::io
