#include "io/gram_store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "io/gram_store_skeleton.hpp"
#include "io/result_file.hpp"
#include "io/verify.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

class Store : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::world();
  mpi::Communicator self_ = mpi::Communicator::self();
  TempDir folder_{comm_};
  std::string path_ = folder_ / "gram.h5";
};

std::vector<float> values(const std::string& path, const char* dataset) {
  return hdf5::Dataset(hdf5::File::open(path), dataset).read_all<float>();
}

TEST_F(Store, FinishedOneIsReadByAnyNumberOfRanks) {
  const GramHeader header = small_header();
  make_store(comm_, path_, header);
  // All ranks together, then each rank alone.
  for (const mpi::Communicator* readers : {&comm_, &self_}) {
    GramStore store = GramStore::open(*readers, path_, hdf5::Access::read);
    EXPECT_TRUE(store.complete());
    EXPECT_EQ(difference(store.header(), header), "");
    EXPECT_EQ(store.done_count(GramPart::train), 28);
    EXPECT_EQ(store.done_count(GramPart::test_train), 21);
    EXPECT_EQ(wrong_tiles<float>(store), 0);
    EXPECT_EQ(wrong_tiles<double>(store), 0);
    EXPECT_EQ(store.read_test_diagonal(), diagonal(header));
    store.close();
  }
}

TEST_F(Store, PlainReadersSeeALowerTriangle) {
  make_store(comm_, path_, small_header());
  const std::vector<float> train = values(path_, "/train");
  const std::vector<float> test = values(path_, "/test_train");
  for (Index i = 0; i < 50; ++i)
    for (Index j = 0; j < 50; ++j)
      ASSERT_EQ(train[static_cast<std::size_t>(i * 50 + j)], j <= i ? entry(GramPart::train, i, j) : 0.0F)
          << i << " " << j;
  for (Index i = 0; i < 21; ++i)
    for (Index j = 0; j < 50; ++j)
      ASSERT_EQ(test[static_cast<std::size_t>(i * 50 + j)], entry(GramPart::test_train, i, j))
          << i << " " << j;
  EXPECT_EQ(hdf5::read_attribute<std::string>(hdf5::File::open(path_), "/train", "triangle"), "lower");
}

TEST_F(Store, ManyRanksWriteTheBytesOfOne) {
  make_store(comm_, path_, small_header());
  const std::string alone = folder_ / ("alone" + std::to_string(comm_.rank()) + ".h5");
  make_store(self_, alone, small_header());
  for (const char* dataset :
       {"/train", "/test_train", "/tiles/train", "/tiles/test_train", "/test_diagonal"}) {
    const auto bytes_of = [&](const std::string& path) {
      return hdf5::Dataset(hdf5::File::open(path), dataset).read_all<double>();
    };
    EXPECT_EQ(bytes_of(path_), bytes_of(alone)) << dataset;
  }
}

TEST_F(Store, UnfinishedOneGoesOnWhereItStopped) {
  const GramHeader header = small_header(41, 0, Precision::float64);
  {
    GramStore store = GramStore::create(comm_, path_, header);
    EXPECT_THROW(store.finish(), std::logic_error);
    mpi::collectively(comm_, [&] {
      write_missing<double>(store, [&](Index k) { return k < 9 && k % comm_.size() == comm_.rank(); });
    });
    store.close();
  }
  GramStore store = GramStore::open(comm_, path_, hdf5::Access::write);
  EXPECT_FALSE(store.complete());
  EXPECT_EQ(store.done_count(GramPart::train), 9);
  EXPECT_EQ(wrong_tiles<double>(store), 0);
  EXPECT_EQ(verify(comm_, path_).missing, 12);
  mpi::collectively(comm_, [&] {
    write_missing<double>(store, [&](Index k) { return k % comm_.size() == comm_.rank(); });
  });
  store.finish();
  EXPECT_TRUE(store.complete());
  EXPECT_EQ(store.done_count(GramPart::train), 21);
  store.close();
  const VerifyReport report = verify(comm_, path_);
  EXPECT_TRUE(report.good()) << report.text();
  EXPECT_EQ(report.missing, 0);
}

TEST_F(Store, TheStructureStaysAsItWasSealed) {
  for (const auto& [n, tile] : {std::pair<Index, Index>{1, 64}, {64, 64}, {65, 64}, {700, 4}, {400, 32}}) {
    const std::string path = folder_ / ("n" + std::to_string(n) + ".h5");
    make_store(comm_, path, small_header(n, n / 3, Precision::float32, tile));
    EXPECT_NO_THROW(mpi::on_root(comm_, [&] { require_seal(path, "gram"); })) << n;
    const VerifyReport report = verify(comm_, path);
    EXPECT_TRUE(report.good()) << report.text();
  }
}

TEST_F(Store, LongKernelTextIsPartOfTheStructure) {
  GramHeader header = small_header(20, 7);
  for (int layer = 0; layer < 2000; ++layer) header.kernel += " dense(1,0)";
  make_store(comm_, path_, header);
  GramStore store = GramStore::open(comm_, path_, hdf5::Access::read);
  EXPECT_EQ(store.header().kernel, header.kernel);
  store.close();
  std::ifstream file(path_, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_LT(bytes.rfind("dense(1,0)"), static_cast<std::size_t>(find_seal(path_)->sealed.end));
  EXPECT_LT(bytes.rfind("lower"), static_cast<std::size_t>(find_seal(path_)->sealed.end));
}

TEST_F(Store, DamagedTileIsNotDeliveredAndIsWrittenAgain) {
  make_store(comm_, path_, small_header(50, 0));
  comm_.barrier();
  if (comm_.is_root()) {
    hdf5::File file = hdf5::File::open_for_update(path_);
    hdf5::Dataset(file, "/train").write<float>({{20, 3}, {1, 1}}, std::vector<float>{99});
    file.close();
  }
  comm_.barrier();
  GramStore store = GramStore::open(comm_, path_, hdf5::Access::write);
  Matrix<float> entries(8, 8);
  const std::vector<StoredTile<float>> tiles{
      {1, 0, entries.view()}, {2, 0, entries.view()}, {2, 1, entries.view()}};
  if (comm_.is_root()) {
    EXPECT_EQ(store.read_tiles<float>(GramPart::train, tiles), std::vector<std::size_t>{1});
    EXPECT_FALSE(store.done(GramPart::train, 2, 0));
  }
  EXPECT_THROW(store.finish(), std::logic_error);
  mpi::collectively(comm_, [&] { write_missing<float>(store, [](Index) { return true; }); });
  store.finish();
  store.close();
  EXPECT_TRUE(verify(comm_, path_).good());
}

TEST_F(Store, ExistingFileIsNotOverwrittenAndAnOldDraftIsNoObstacle) {
  if (comm_.is_root()) std::ofstream(draft_path(path_)) << "left by a killed run";
  comm_.barrier();
  make_store(comm_, path_, small_header(9, 0));
  EXPECT_FALSE(std::filesystem::exists(draft_path(path_)));
  try {
    GramStore::create(comm_, path_, small_header(9, 0));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::files);
    EXPECT_EQ(e.what(), path_ + " exists already: remove it or choose another output");
  }
  EXPECT_TRUE(verify(comm_, path_).good());
}

TEST_F(Store, AnErrorElsewhereLeavesAValidStore) {
  try {
    GramStore store = GramStore::create(comm_, path_, small_header());
    mpi::collectively(comm_, [&] {
      write_missing<float>(store,
                           [&](Index k) { return k % 2 == 0 && k / 2 % comm_.size() == comm_.rank(); });
      if (comm_.rank() == comm_.size() - 1) throw Error(ExitCode::numerical, "something else went wrong");
    });
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::numerical);
  }
  const VerifyReport report = verify(comm_, path_);
  EXPECT_TRUE(report.good()) << report.text();
  EXPECT_EQ(report.missing, 14 + 10 + 1);
}

TEST_F(Store, EntriesMustBeExactInTheFile) {
  GramStore store = GramStore::create(comm_, path_, small_header(8, 0));
  Matrix<double> entries(8, 8);
  entries(7, 0) = 0.1;
  const StoredTile<const double> tile{0, 0, entries.view()};
  EXPECT_THROW(store.write_tiles<double>(GramPart::train, {&tile, 1}), std::logic_error);
  EXPECT_FALSE(store.done(GramPart::train, 0, 0));
  store.close();
}

TEST_F(Store, UnwritableFolderIsAnErrorOfAllRanks) {
  const std::string nowhere = folder_ / "no/such/folder/gram.h5";
  try {
    GramStore::create(comm_, nowhere, small_header(9, 0));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::files);
    EXPECT_NE(std::string(e.what()).find("No such file or directory"), std::string::npos) << e.what();
  }
}

TEST(GramHeader, DifferenceNamesTheField) {
  const auto changed = [](auto&& change) {
    GramHeader other = small_header();
    change(other);
    return difference(small_header(), other);
  };
  EXPECT_EQ(changed([](GramHeader&) {}), "");
  EXPECT_EQ(changed([](GramHeader& h) { h.kernel = "erf"; }),
            "kernel: 'dense(2,0) relu dense(1,0)' in the file, 'erf' in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.function = "nngp"; }),
            "function: 'ntk' in the file, 'nngp' in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.precision = Precision::float64; }),
            "precision: 'float32' in the file, 'float64' in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.augment = "flip"; }),
            "augment: 'none' in the file, 'flip' in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.tile = 16; }), "tile: '8' in the file, '16' in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.sample_shape = {192}; }),
            "sample shape: '3 x 8 x 8' in the file, '192 features' in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.train_samples.pop_back(); }),
            "training data: 50 samples in the file, 49 in the job");
  EXPECT_EQ(changed([](GramHeader& h) { h.test_samples[17] = 1; }), "");
  GramHeader other_tests = small_header();
  other_tests.test_samples[17] = 1;
  EXPECT_EQ(test_difference(small_header(), small_header()), "");
  EXPECT_EQ(test_difference(small_header(), other_tests).find("test data: sample 17 is "), 0U);
}

TEST_F(Store, AnotherFormatVersionIsRefused) {
  mpi::on_root(comm_, [&] {
    const DraftGuard draft = make_gram_draft(path_, small_header(9, 0), 1);
    publish(path_);
  });
  mpi::on_root(comm_, [&] {
    hdf5::File file = hdf5::File::open_for_update(path_);
    hdf5::write_attribute(file, "/", "format_version", std::int64_t{7});
    file.close();
    seal_whole(path_, "gram");
  });
  try {
    GramStore::open(comm_, path_, hdf5::Access::read);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("format version: 7 in the file, 2 is what"), std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace widegram::io
