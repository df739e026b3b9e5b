#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "io/gram_file_operator.hpp"
#include "io/gram_store_skeleton.hpp"
#include "io/result_file.hpp"
#include "tests/io/store_support.hpp"

/// Gram files with random damage, and what must be found of it, worked out from the bytes alone.
namespace widegram::io::testing_support {

using Bytes = std::vector<char>;

inline constexpr Index page = 4096;

inline Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

inline std::uint64_t word_at(const Bytes& bytes, Index at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

inline bool same(const Bytes& a, const Bytes& b, Range range) {
  return std::equal(a.begin() + range.begin, a.begin() + range.end, b.begin() + range.begin);
}

/// A store without damage, and where in its bytes everything lies.
struct Original {
  GramHeader header;
  bool finished = false;
  Bytes bytes;
  Range structure;  ///< seal included
  Index complete_at = 0;
  std::vector<Range> samples;
  Range diagonal;
  Index diagonal_record = 0;
  Range vectors;  ///< samples, records and the test diagonal, with what lies between
  struct Square {
    Range bytes;
    Index record = -1;  ///< -1: above the diagonal, where no tile is
  };
  std::vector<Square> squares;
  std::vector<double> product;  ///< of the matrix with a vector of ones, where finished
};

inline Range range_of(const hdf5::File& file, const std::string& name) {
  const hdf5::Dataset dataset(file, name);
  const auto begin = static_cast<Index>(H5Dget_offset(dataset.id()));
  return {begin, begin + 8 * dataset.size()};
}

inline std::vector<double> product_with_ones(const mpi::Communicator& comm, const GramStore& store) {
  const GramFileOperator matrix(comm, store);
  Matrix<double> x(store.header().n(), 1);
  std::fill_n(x.data(), x.rows(), 1.0);
  Matrix<double> y(x.rows(), 1);
  matrix.apply(x.view(), y.view());
  return {y.data(), y.data() + y.rows()};
}

/// The byte that tells whether the store is complete: the only one that changes with the answer.
inline Index find_complete(const std::string& path, bool finished) {
  const Bytes before = read_bytes(path);
  hdf5::File file = hdf5::File::open_for_update(path);
  write_complete(file, !finished);
  file.close();
  const Bytes after = read_bytes(path);
  const auto [byte, other] = std::mismatch(before.begin(), before.end(), after.begin());
  const Index at = byte - before.begin();
  EXPECT_TRUE(same(before, after, {at + 1, std::ssize(before)}));
  write_bytes(path, before);
  return at;
}

inline void find_places(const std::string& path, Original& original) {
  const hdf5::File file = hdf5::File::open(path);
  const GramHeader& header = original.header;
  const auto size = std::ssize(original.bytes);
  original.structure = {0, find_seal(path)->sealed.end};
  original.samples.push_back(range_of(file, "/samples/train"));
  if (header.m() > 0) {
    original.samples.push_back(range_of(file, "/samples/test"));
    original.diagonal = range_of(file, "/test_diagonal");
    original.diagonal_record = range_of(file, "/tiles/test_diagonal").begin;
  }
  original.vectors = {original.structure.end, first_chunk(header, GramPart::train, size)};
  for (const GramPart part : parts(header)) {
    const GramTileFile tiles(file, hdf5::Access::read, header, part);
    const Index records = range_of(file, records_name(part)).begin;
    Index at = first_chunk(header, part, size);
    for (TileIndex row = 0; row < tiles.tiles().rows().count(); ++row)
      for (TileIndex col = 0; col < tiles.tiles().cols().count(); ++col) {
        const bool held = tiles.tiles().holds(row, col);
        original.squares.push_back({{at, at + static_cast<Index>(tiles.chunk_bytes())},
                                    held ? records + 8 * tiles.tiles().number(row, col) : -1});
        at = original.squares.back().bytes.end;
      }
  }
}

inline Original make_original(const mpi::Communicator& comm, const std::string& path, Precision precision,
                              Index m, bool finished) {
  Original original;
  original.header = small_header(50, m, precision);
  original.finished = finished;
  GramStore store = GramStore::create(comm, path, original.header);
  write_missing<float>(store, [&](Index number) { return finished || number % 3 != 1; });
  if (m > 0) store.write_test_diagonal(diagonal(original.header));
  if (finished) store.finish();
  if (finished) original.product = product_with_ones(comm, store);
  store.close();
  original.bytes = read_bytes(path);
  original.complete_at = find_complete(path, finished);
  find_places(path, original);
  return original;
}

/// Whether the check of all checksums must speak up, by the bytes alone.
inline bool must_be_found(const Original& original, const Bytes& bytes) {
  const Bytes& before = original.bytes;
  if (bytes.size() != before.size()) return true;
  const Index at = original.complete_at;
  const char complete = bytes[static_cast<std::size_t>(at)];
  if ((complete != 0 && complete != 1) || !same(bytes, before, {0, at}) ||
      !same(bytes, before, {at + 1, original.structure.end}))
    return true;
  const auto vouched_for = [&](Index record_at, Range range) {
    const std::uint64_t record = word_at(bytes, record_at);
    if (record == 0) return complete == 0;
    return record == word_at(before, record_at) && same(bytes, before, range);
  };
  for (const Range& samples : original.samples)
    if (!same(bytes, before, samples)) return true;
  for (const Original::Square& square : original.squares)
    if (square.record < 0 ? !same(bytes, before, square.bytes) : !vouched_for(square.record, square.bytes))
      return true;
  return original.header.m() > 0 && !vouched_for(original.diagonal_record, original.diagonal);
}

/// Random damage to the bytes of a store; says what it has done.
class Vandal {
 public:
  Vandal(const Original& original, std::mt19937_64& random)
      : original_(original), bytes_(original.bytes), random_(random) {}

  const Bytes& bytes() const { return bytes_; }
  const std::string& deeds() const { return deeds_; }

  void strike() {
    switch (below(10)) {
      case 0:
        return flip_bits(1);
      case 1:
        return flip_bits(2 + below(30));
      case 2:
        return cut();
      case 3:
        return zero_page();
      case 4:
        return swap_tiles(false);
      case 5:
        return swap_tiles(true);
      case 6:
        return append();
      case 7:
        return change_record();
      case 8:
        return misdirect_write();
      default:
        return scribble();
    }
  }

 private:
  Index below(Index end) { return static_cast<Index>(random_() % static_cast<std::uint64_t>(end)); }
  Index size() const { return std::ssize(bytes_); }
  void note(std::string deed) { deeds_ += (deeds_.empty() ? "" : ", then ") + std::move(deed); }

  /// Anywhere; but what HDF5 does not see before it is known to be whole gets less than vectors and tiles.
  Index somewhere() {
    const Range tiles{original_.vectors.end, size()};
    const std::array<Range, 8> regions{Range{0, page},
                                       Range{page, original_.structure.end},
                                       original_.vectors,
                                       original_.vectors,
                                       original_.vectors,
                                       tiles,
                                       tiles,
                                       tiles};
    const Range region = regions[static_cast<std::size_t>(below(std::ssize(regions)))];
    const Index at = region.begin + below(std::max<Index>(1, region.size()));
    return std::clamp<Index>(at, 0, size() - 1);
  }
  std::span<char> window(Index at, Index length) {
    return std::span(bytes_).subspan(static_cast<std::size_t>(at),
                                     static_cast<std::size_t>(std::min(length, size() - at)));
  }

  void flip_bits(Index count) {
    const Index at = somewhere();
    for (Index k = 0; k < count; ++k)
      window(k == 0 ? at : somewhere(), 1)[0] ^= static_cast<char>(1 << below(8));
    note(fmt::format("{} bits flipped, the first in byte {}", count, at));
  }
  void cut() {
    bytes_.resize(static_cast<std::size_t>(below(4) == 0 ? below(size()) : somewhere()));
    bytes_.resize(std::max<std::size_t>(bytes_.size(), 1));
    note(fmt::format("cut to {} bytes", bytes_.size()));
  }
  void zero_page() {
    const Index at = somewhere() / page * page;
    std::ranges::fill(window(at, page * (1 + below(3))), '\0');
    note(fmt::format("zeros from byte {}", at));
  }
  const Original::Square& any_tile() {
    const auto& squares = original_.squares;
    for (;;)
      if (const auto& square = squares[static_cast<std::size_t>(below(std::ssize(squares)))];
          square.record >= 0)
        return square;
  }
  void swap_tiles(bool with_records) {
    const Original::Square& one = any_tile();
    const Original::Square& other = any_tile();
    if (size() < original_.squares.back().bytes.end) return;
    std::ranges::swap_ranges(window(one.bytes.begin, one.bytes.size()),
                             window(other.bytes.begin, other.bytes.size()));
    if (with_records) std::ranges::swap_ranges(window(one.record, 8), window(other.record, 8));
    note(fmt::format("tiles at {} and {} swapped{}", one.bytes.begin, other.bytes.begin,
                     with_records ? " with their records" : ""));
  }
  void append() {
    const Index count = 1 + below(2 * page);
    for (Index k = 0; k < count; ++k) bytes_.push_back(static_cast<char>(below(2) * below(256)));
    note(fmt::format("{} bytes appended", count));
  }
  void change_record() {
    const Index record = any_tile().record;
    if (size() < original_.vectors.end) return;
    const std::array<std::uint64_t, 3> values{0, random_(), word_at(bytes_, any_tile().record)};
    std::memcpy(bytes_.data() + record, &values[static_cast<std::size_t>(below(3))], 8);
    note(fmt::format("record at {} changed", record));
  }
  void misdirect_write() {
    const Index from = somewhere() / 512 * 512;
    const Index to = somewhere() / 512 * 512;
    const auto source = window(from, 512 * (1 + below(8)));
    const Bytes copy(source.begin(), source.end());
    const auto target = window(to, std::ssize(copy));
    std::copy_n(copy.begin(), target.size(), target.begin());
    note(fmt::format("{} bytes of {} written at {}", target.size(), from, to));
  }
  void scribble() {
    const Index at = somewhere();
    for (char& byte : window(at, 1 + below(page))) byte = static_cast<char>(below(256));
    note(fmt::format("random bytes from {} on", at));
  }

  const Original& original_;
  Bytes bytes_;
  std::mt19937_64& random_;
  std::string deeds_;
};

}  // namespace widegram::io::testing_support
