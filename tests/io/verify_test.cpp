#include "io/verify.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "io/inspect.hpp"
#include "io/model.hpp"
#include "io/result_file.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

class Damage : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir folder_{comm_};
  std::string path_ = folder_ / "gram.h5";
  std::string copy_ = folder_ / "copy.h5";

  /// A fresh copy with something done to it by the root. Collective.
  template <class F>
  void damage(F&& work) {
    mpi::on_root(comm_, [&] {
      std::filesystem::copy_file(path_, copy_, std::filesystem::copy_options::overwrite_existing);
      work();
    });
  }
  /// Whether the check says that the copy is not good, in a report or in an error. Collective.
  bool found() {
    try {
      return !verify(comm_, copy_).good();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::files);
      return true;
    }
  }
};

/// First byte behind the structure and its vectors: entries from here on.
Index entries_begin(const std::string& path) { return find_seal(path)->sealed.end; }

TEST_F(Damage, TilesAreNamed) {
  make_store(comm_, path_, small_header());
  damage([&] {
    hdf5::File file = hdf5::File::open_for_update(copy_);
    const std::vector<float> wrong{99};
    hdf5::Dataset(file, "/train").write<float>({{49, 17}, {1, 1}}, wrong);
    hdf5::Dataset(file, "/train").write<float>({{3, 40}, {1, 1}}, wrong);
    hdf5::Dataset(file, "/test_train").write<float>({{8, 0}, {1, 1}}, wrong);
    hdf5::Dataset(file, "/test_diagonal").write<double>({{4}, {1}}, std::vector<double>{0});
    hdf5::Dataset(file, "/tiles/train").write<std::uint64_t>({{1}, {1}}, std::vector<std::uint64_t>{0});
    hdf5::Dataset(file, "/samples/test").write<std::uint64_t>({{0}, {1}}, std::vector<std::uint64_t>{5});
    file.close();
  });
  const VerifyReport report = verify(comm_, copy_);
  EXPECT_EQ(report.damaged,
            (std::vector<std::string>{
                "/samples/test (checksums of the samples)", "/test_diagonal",
                "the unused square (0, 5) above the diagonal of /train is not zero: readers of "
                "the plain matrix see it",
                "tile (1, 0) of /train: rows 8-15, columns 0-7 (its record is gone)",
                "tile (6, 2) of /train: rows 48-49, columns 16-23",
                "tile (1, 0) of /test_train: rows 8-15, columns 0-7"}));
  EXPECT_NE(report.text().find("is damaged in 6 of "), std::string::npos) << report.text();
}

TEST_F(Damage, AboveTheDiagonalItGoesOnTheNextWrite) {
  make_store(comm_, path_, small_header());
  damage([&] {
    hdf5::File file = hdf5::File::open_for_update(copy_);
    hdf5::Dataset(file, "/train").write<float>({{3, 40}, {1, 1}}, std::vector<float>{99});
    file.close();
  });
  EXPECT_FALSE(verify(comm_, copy_).good());
  GramStore::open(comm_, copy_, hdf5::Access::read).close();
  EXPECT_FALSE(verify(comm_, copy_).good());
  GramStore::open(comm_, copy_, hdf5::Access::write).close();
  const VerifyReport report = verify(comm_, copy_);
  EXPECT_TRUE(report.good()) << report.text();
}

TEST_F(Damage, SwappedTilesAreFound) {
  make_store(comm_, path_, small_header(50, 0));
  damage([&] {
    hdf5::File file = hdf5::File::open_for_update(copy_);
    const hdf5::Dataset train(file, "/train");
    std::vector<float> one(64);
    std::vector<float> other(64);
    train.read<float>({{8, 0}, {8, 8}}, one);
    train.read<float>({{16, 8}, {8, 8}}, other);
    train.write<float>({{8, 0}, {8, 8}}, other);
    train.write<float>({{16, 8}, {8, 8}}, one);
  });
  EXPECT_EQ(verify(comm_, copy_).damaged.size(), 2U);
}

TEST_F(Damage, FlippedBytesAreFound) {
  make_store(comm_, path_, small_header());
  const Index structure = entries_begin(path_);
  const Index bytes = file_size(path_);
  std::mt19937_64 random(5);
  for (int trial = 0; trial < 40; ++trial) {
    // Half of them in seal and structure, where the file would otherwise break HDF5 itself, half from there
    // to the end.
    const Index low = trial % 2 == 0 ? 0 : structure;
    const Index high = trial % 2 == 0 ? structure : bytes;
    const Index at = low + static_cast<Index>(random() % static_cast<std::uint64_t>(high - low));
    damage([&] { flip_byte(copy_, at); });
    EXPECT_TRUE(found()) << "byte " << at << " of " << bytes << ", structure up to " << structure;
    try {
      GramStore store = GramStore::open(comm_, copy_, hdf5::Access::read);
      EXPECT_GE(at, structure) << "a damaged structure was opened as good";
      wrong_tiles<float>(store);
      store.close();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::files);
    }
  }
}

TEST_F(Damage, ZeroedPagesAndCutsAreFound) {
  make_store(comm_, path_, small_header(50, 0));
  const Index bytes = file_size(path_);
  const Index page = 4096;
  for (const Index at : {Index{0}, page, 2 * page, round_up(entries_begin(path_), page)}) {
    damage([&] {
      std::fstream file(copy_, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at);
      file << std::string(static_cast<std::size_t>(std::min(page, bytes - at)), '\0');
    });
    EXPECT_TRUE(found()) << "page at " << at;
  }
  for (const Index left : {Index{0}, Index{10}, Index{5000}, bytes / 2, bytes - 1}) {
    damage([&] { std::filesystem::resize_file(copy_, static_cast<std::uintmax_t>(left)); });
    EXPECT_TRUE(found()) << left << " bytes left";
    EXPECT_THROW(GramStore::open(comm_, copy_, hdf5::Access::read), Error) << left;
    EXPECT_THROW(mpi::on_root(comm_, [&] { inspect(copy_); }), Error) << left;
  }
  damage([&] { std::filesystem::resize_file(copy_, static_cast<std::uintmax_t>(bytes / 2)); });
  EXPECT_EQ(verify(comm_, copy_).damaged.front(), "the file is cut short: " + std::to_string(bytes / 2) +
                                                      " bytes of " + std::to_string(bytes) + " are left");
}

TEST_F(Damage, AnyByteOfAModelIsVouchedFor) {
  Model model;
  model.alpha = Matrix<double>(20, 3);
  model.header.kernel = "relu";
  model.header.encoding = "centered";
  write_model(comm_, path_, model);
  EXPECT_TRUE(verify(comm_, path_).good());
  const Index bytes = file_size(path_);
  std::mt19937_64 random(6);
  for (int trial = 0; trial < 25; ++trial) {
    const auto at = static_cast<Index>(random() % static_cast<std::uint64_t>(bytes));
    damage([&] { flip_byte(copy_, at); });
    EXPECT_TRUE(found()) << at;
    EXPECT_THROW(read_model(comm_, copy_), Error) << at;
  }
}

TEST_F(Damage, OtherFilesAreNotVerified) {
  mpi::on_root(comm_, [&] {
    hdf5::File file = hdf5::File::create(path_);
    file.close();
  });
  EXPECT_THROW(verify(comm_, path_), Error);
  EXPECT_THROW(verify(comm_, folder_ / "missing.h5"), Error);
}

}  // namespace
}  // namespace widegram::io
