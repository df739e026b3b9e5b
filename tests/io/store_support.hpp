#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "io/gram_store.hpp"
#include "src/base/fingerprint.hpp"
#include "src/base/matrix.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/communicator.hpp"
#include "tests/support/temp_dir.hpp"

/// A small Gram with known entries, and a folder for its files.
namespace widegram::io::testing_support {

using test::TempDir;

inline std::uint64_t sample_checksum(Index i) { return checksum(&i, sizeof i); }

inline GramHeader small_header(Index n = 50, Index m = 21, Precision precision = Precision::float32,
                               Index tile = 8) {
  GramHeader header;
  header.kernel = "dense(2,0) relu dense(1,0)";
  header.function = "ntk";
  header.precision = precision;
  header.tile = tile;
  header.sample_shape = {3, 8, 8};
  for (Index i = 0; i < n; ++i) header.train_samples.push_back(sample_checksum(i));
  for (Index i = 0; i < m; ++i) header.test_samples.push_back(sample_checksum(1000 + i));
  return header;
}

/// An entry that both precisions hold exactly.
inline float entry(GramPart part, Index i, Index j) {
  return std::sin(static_cast<float>(part == GramPart::train ? 1000 * i + j : -1000 * i - j - 1));
}

template <class Real>
Matrix<Real> tile_entries(const GramTiles& tiles, TileIndex row, TileIndex col) {
  const Range rows = tiles.rows().range(row);
  const Range cols = tiles.cols().range(col);
  Matrix<Real> entries(rows.size(), cols.size());
  for (Index j = 0; j < cols.size(); ++j)
    for (Index i = 0; i < rows.size(); ++i)
      entries(i, j) = static_cast<Real>(entry(tiles.part(), rows.begin + i, cols.begin + j));
  return entries;
}

inline std::vector<GramPart> parts(const GramHeader& header) {
  if (header.m() == 0) return {GramPart::train};
  return {GramPart::train, GramPart::test_train};
}

/// Calls work(row, col) for every tile of the part.
template <class F>
void for_each_tile(const GramTiles& tiles, F&& work) {
  for (TileIndex row = 0; row < tiles.rows().count(); ++row)
    for (TileIndex col = 0; col < tiles.cols().count(); ++col)
      if (tiles.holds(row, col)) work(row, col);
}

/// Saves the tiles that are not done and that `mine(number)` picks, `batch` at a time. Local.
template <class Real, class F>
void write_missing(GramStore& store, F&& mine, std::size_t batch = 7) {
  for (const GramPart part : parts(store.header())) {
    std::vector<Matrix<Real>> entries;
    std::vector<StoredTile<const Real>> tiles;
    const auto flush = [&] {
      store.write_tiles<Real>(part, tiles);
      tiles.clear();
      entries.clear();
    };
    entries.reserve(batch);
    for_each_tile(store.tiles(part), [&](TileIndex row, TileIndex col) {
      if (store.done(part, row, col) || !mine(store.tiles(part).number(row, col))) return;
      entries.push_back(tile_entries<Real>(store.tiles(part), row, col));
      tiles.push_back({row, col, entries.back().view()});
      if (tiles.size() == batch) flush();
    });
    flush();
  }
}

/// Number of recorded tiles whose entries are not what they should be.
template <class Real>
Index wrong_tiles(GramStore& store) {
  Index wrong = 0;
  for (const GramPart part : parts(store.header()))
    for_each_tile(store.tiles(part), [&](TileIndex row, TileIndex col) {
      if (!store.done(part, row, col)) return;
      const Matrix<Real> want = tile_entries<Real>(store.tiles(part), row, col);
      Matrix<Real> got(want.rows(), want.cols());
      const StoredTile<Real> tile{row, col, got.view()};
      bool right = store.read_tiles<Real>(part, {&tile, 1}).empty();
      for (Index j = 0; j < want.cols(); ++j)
        for (Index i = 0; i < want.rows(); ++i) {
          const bool above = part == GramPart::train && row == col && i < j;
          right &= got(i, j) == (above ? Real{0} : want(i, j));
        }
      wrong += right ? 0 : 1;
    });
  return wrong;
}

inline std::vector<double> diagonal(const GramHeader& header) {
  std::vector<double> values;
  for (Index i = 0; i < header.m(); ++i) values.push_back(1.0 + 0.1 * static_cast<double>(i));
  return values;
}

/// A whole, finished store at `path`. Collective over comm; the ranks share the tiles.
inline void make_store(const mpi::Communicator& comm, const std::string& path, const GramHeader& header) {
  GramStore store = GramStore::create(comm, path, header);
  mpi::collectively(comm, [&] {
    write_missing<float>(store, [&](Index number) { return number % comm.size() == comm.rank(); });
  });
  if (header.m() > 0) store.write_test_diagonal(diagonal(header));
  store.finish();
  store.close();
}

/// Turns the bits of one byte of a file.
inline void flip_byte(const std::string& path, Index at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0xff));
}

}  // namespace widegram::io::testing_support
