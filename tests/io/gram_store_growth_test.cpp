#include "io/gram_store_growth.hpp"

#include <gtest/gtest.h>

#include "io/result_file.hpp"
#include "io/verify.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

class Growth : public testing::Test {
 protected:
  /// Grows what is at path_ and computes what is missing.
  void grow_and_finish(const GramHeader& header) {
    GramStore store = grow_store(comm_, path_, header);
    kept_ = {store.done_count(GramPart::train), header.m() > 0 ? store.done_count(GramPart::test_train) : 0};
    EXPECT_EQ(wrong_tiles<float>(store), 0);
    EXPECT_FALSE(store.complete());
    mpi::collectively(comm_, [&] {
      write_missing<float>(store, [&](Index number) { return number % comm_.size() == comm_.rank(); });
    });
    if (header.m() > 0) store.write_test_diagonal(diagonal(header));
    store.finish();
    store.close();
  }
  std::vector<std::uint64_t> records(const std::string& path, const char* name) const {
    return hdf5::Dataset(hdf5::File::open(path), name).read_all<std::uint64_t>();
  }

  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir folder_{comm_};
  std::string path_ = folder_ / "gram.h5";
  std::pair<Index, Index> kept_;
};

TEST_F(Growth, OnlyNewRowsAndColumnsAreMissing) {
  // Tiles of 8: 6 whole ones and 2 samples; 2 whole ones and 5 tests.
  make_store(comm_, path_, small_header(50, 21));
  const GramHeader larger = small_header(83, 30);
  EXPECT_TRUE(grows_into(small_header(50, 21), larger));
  grow_and_finish(larger);
  EXPECT_EQ(kept_.first, 6 * 7 / 2);
  EXPECT_EQ(kept_.second, 2 * 6);
  EXPECT_TRUE(verify(comm_, path_).good());

  const std::string fresh = folder_ / "fresh.h5";
  make_store(comm_, fresh, larger);
  for (const char* name : {"/tiles/train", "/tiles/test_train", "/tiles/test_diagonal", "/samples/train"})
    EXPECT_EQ(records(path_, name), records(fresh, name)) << name;
  EXPECT_FALSE(std::filesystem::exists(draft_path(path_)));
}

TEST_F(Growth, ATestSetIsAddedOrGrows) {
  make_store(comm_, path_, small_header(48, 0));
  grow_and_finish(small_header(48, 9));
  EXPECT_EQ(kept_, std::pair(Index{21}, Index{0}));
  grow_and_finish(small_header(48, 17));
  EXPECT_EQ(kept_, std::pair(Index{21}, Index{6}));
  EXPECT_TRUE(verify(comm_, path_).good());
}

TEST_F(Growth, DamagedTilesAreLeftBehind) {
  make_store(comm_, path_, small_header(48, 0));
  if (comm_.is_root()) flip_byte(path_, file_size(path_) - 1);  // tile (5, 5)
  comm_.barrier();
  grow_and_finish(small_header(64, 0));
  EXPECT_EQ(kept_.first, 20);
  EXPECT_TRUE(verify(comm_, path_).good());
}

TEST_F(Growth, OnlyALeadingPartGrows) {
  const GramHeader file = small_header(50, 21);
  EXPECT_FALSE(grows_into(file, file));
  EXPECT_FALSE(grows_into(file, small_header(49, 30)));
  EXPECT_FALSE(grows_into(file, small_header(60, 20)));
  EXPECT_TRUE(grows_into(file, small_header(50, 22)));
  GramHeader other = small_header(60, 21);
  other.train_samples[3] = 1;
  EXPECT_FALSE(grows_into(file, other));
  other = small_header(60, 21);
  other.tile = 16;
  EXPECT_FALSE(grows_into(file, other));
}

}  // namespace
}  // namespace widegram::io
