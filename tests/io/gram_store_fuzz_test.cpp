// Whatever has happened to the bytes of a Gram file, it is either found or harmless: nothing that comes out
// of the file as good differs from what went in, and nothing crashes, hangs or asks for absurd amounts of
// memory.
//
// What must be found is worked out from the bytes alone, beside the library. Harmless are: a byte between the
// vectors that nobody reads, the bytes of a tile without a record, and in an unfinished store a record that
// has become 0, which makes its tile one that is still to be computed.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "io/inspect.hpp"
#include "io/verify.hpp"
#include "tests/io/damaged_store.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;
/// What asks for half a gigabyte more than there is now gets none. Not where a sanitizer holds the address
/// space already.
class MemoryLimit {
 public:
  MemoryLimit() {
    Index pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    const auto bytes = static_cast<rlim_t>(pages) * page + (rlim_t{1} << 29);
    const rlimit limit{bytes, before_.rlim_max};
    if (bytes < rlim_t{1} << 40) ::setrlimit(RLIMIT_AS, &limit);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

class Fuzz : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::self();
  TempDir folder_{comm_};

  /// Whether `work` ends with an Error; it may be none but one of files.
  template <class F>
  static bool refused(F&& work) {
    try {
      work();
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::files) << error.what();
      return true;
    }
  }

  std::vector<Original> originals() {
    std::vector<Original> all;
    for (const Precision precision : {Precision::float32, Precision::float64})
      for (const Index m : {0, 21})
        for (const bool finished : {true, false})
          all.push_back(
              make_original(comm_, folder_ / fmt::format("{}.h5", all.size()), precision, m, finished));
    return all;
  }

  bool found_by_verify(const std::string& path) {
    bool good = false;
    return refused([&] { good = verify(comm_, path).good(); }) || !good;
  }

  /// Reads every tile that the store says it has; damaged ones are not done() afterwards.
  void expect_true_values(GramStore& store) {
    for (const GramPart part : parts(store.header()))
      for_each_tile(store.tiles(part), [&](TileIndex row, TileIndex col) {
        if (!store.done(part, row, col)) return;
        const Matrix<double> want = tile_entries<double>(store.tiles(part), row, col);
        Matrix<double> got(want.rows(), want.cols());
        const StoredTile<double> tile{row, col, got.view()};
        if (!store.read_tiles<double>(part, {&tile, 1}).empty()) return;
        for (Index j = 0; j < want.cols(); ++j)
          for (Index i = 0; i < want.rows(); ++i) {
            const bool above = part == GramPart::train && row == col && i < j;
            ASSERT_EQ(got(i, j), above ? 0.0 : want(i, j)) << store.tiles(part).name(row, col);
          }
      });
    if (store.header().m() == 0) return;
    EXPECT_EQ(store.read_test_diagonal().value_or(diagonal(store.header())), diagonal(store.header()));
  }

  /// What comes out of the file, by every way there is; returns whether the store can be opened.
  bool expect_nothing_false(const Original& original, const std::string& path) {
    refused([&] { inspect(path); });
    return !refused([&] {
      GramStore store = GramStore::open(comm_, path, hdf5::Access::read);
      EXPECT_EQ(difference(store.header(), original.header), "");
      EXPECT_EQ(test_difference(store.header(), original.header), "");
      std::vector<double> product = original.product;
      if (original.finished) refused([&] { product = product_with_ones(comm_, store); });
      EXPECT_EQ(product, original.product);
      expect_true_values(store);
      store.close();
    });
  }

  /// What can be opened is mended by computing what is missing and damaged.
  template <class Real>
  void expect_mended(const std::string& path) {
    refused([&] {
      GramStore store = GramStore::open(comm_, path, hdf5::Access::write);
      expect_true_values(store);
      write_missing<Real>(store, [](Index) { return true; });
      if (store.header().m() > 0 && !store.read_test_diagonal())
        store.write_test_diagonal(diagonal(store.header()));
      store.finish();
      store.close();
      const VerifyReport report = verify(comm_, path);
      EXPECT_TRUE(report.good()) << report.text();
    });
  }
};

TEST_F(Fuzz, NoneOfManyDamagedFilesIsTakenForGood) {
  constexpr int files = 500;
  const std::vector<Original> all = originals();
  std::mt19937_64 random(4);
  int must = 0;
  int opened = 0;
  for (int k = 0; k < files && !HasFailure(); ++k) {
    const Original& original = all[static_cast<std::size_t>(k) % all.size()];
    Vandal vandal(original, random);
    for (std::uint64_t strikes = 1 + random() % 3; strikes > 0; --strikes) vandal.strike();
    SCOPED_TRACE(fmt::format("file {} of {} samples and {} tests, {}, {}: {}", k, original.header.n(),
                             original.header.m(), to_string(original.header.precision),
                             original.finished ? "finished" : "unfinished", vandal.deeds()));
    // Another name each time: HDF5 may hold on to a file of which opening has failed.
    const std::string path = folder_ / fmt::format("damaged{}.h5", k);
    write_bytes(path, vandal.bytes());

    const MemoryLimit limit;
    const bool expected = must_be_found(original, vandal.bytes());
    must += expected ? 1 : 0;
    EXPECT_EQ(found_by_verify(path), expected);
    opened += expect_nothing_false(original, path) ? 1 : 0;
    if (k % 4 == 0 && original.header.precision == Precision::float32) expect_mended<float>(path);
    if (k % 4 == 0 && original.header.precision == Precision::float64) expect_mended<double>(path);
    std::filesystem::remove(path);
  }
  // Most of it is in bytes that count, or this tests little.
  EXPECT_GT(must, files * 3 / 4);
  EXPECT_GT(opened, files / 5);
  std::cout << fmt::format("{} of {} files were damaged where it matters; {} could be opened\n", must, files,
                           opened);
}

TEST_F(Fuzz, TilesThatChangedPlacesWithTheirRecordsAreFound) {
  const Original original = make_original(comm_, folder_ / "whole.h5", Precision::float32, 21, true);
  const auto tile = [&](std::size_t number) { return original.squares[number]; };
  const std::string path = folder_ / "swapped.h5";
  // Two of one tile row of /train, and the first of /train and of /test_train.
  for (const auto& [one, other] : {std::pair{tile(7 * 3), tile(7 * 3 + 1)}, std::pair{tile(0), tile(49)}}) {
    Bytes bytes = original.bytes;
    const auto exchange = [&](Index a, Index b, Index count) {
      std::swap_ranges(bytes.begin() + a, bytes.begin() + a + count, bytes.begin() + b);
    };
    exchange(one.bytes.begin, other.bytes.begin, one.bytes.size());
    exchange(one.record, other.record, 8);
    write_bytes(path, bytes);
    EXPECT_EQ(verify(comm_, path).damaged.size(), 2U);
    GramStore store = GramStore::open(comm_, path, hdf5::Access::read);
    EXPECT_THROW(product_with_ones(comm_, store), Error);
    expect_true_values(store);
    Index missing = 0;
    for (const GramPart part : parts(store.header()))
      missing += store.tiles(part).count() - store.done_count(part);
    EXPECT_EQ(missing, 2);
    store.close();
  }
}

TEST_F(Fuzz, WithoutItsSealAFileIsNotParsed) {
  const Original original = make_original(comm_, folder_ / "whole.h5", Precision::float32, 0, true);
  Bytes bytes = original.bytes;
  std::fill_n(bytes.begin(), page, '\0');
  const std::string path = folder_ / "unsealed.h5";
  write_bytes(path, bytes);
  EXPECT_TRUE(refused([&] { inspect(path); }));
  EXPECT_TRUE(refused([&] { verify(comm_, path); }));
  EXPECT_TRUE(refused([&] { GramStore::open(comm_, path, hdf5::Access::read); }));
}

}  // namespace
}  // namespace widegram::io
