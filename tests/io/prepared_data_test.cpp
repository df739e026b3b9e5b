#include <gtest/gtest.h>

#include <set>

#include "io/data_fingerprint.hpp"
#include "io/encoding.hpp"
#include "io/mirror_images.hpp"
#include "tests/io/data_files.hpp"

namespace widegram::io {
namespace {

using mpi::Communicator;
using namespace widegram::test;

TEST(Encoding, ClassesAndValues) {
  const Communicator comm = Communicator::world();
  const DataSet set = read_data(comm, {.source = "digits[:200]"});
  const Matrix<double> centered = encode(set);
  const Matrix<double> one_hot = encode(set, Encoding::one_hot);
  ASSERT_EQ(centered.rows(), 10);
  ASSERT_EQ(centered.cols(), set.local.size());
  for (Index j = 0; j < set.local.size(); ++j)
    for (Index k = 0; k < 10; ++k) {
      const bool is_class = set.classes[static_cast<std::size_t>(j)] == k;
      EXPECT_EQ(one_hot(k, j), is_class ? 1.0 : 0.0);
      EXPECT_EQ(centered(k, j), is_class ? 1.0 - 0.1 : -0.1);
    }

  const TempDir dir(comm);
  write_file(comm, dir / "a.csv", "a,y\n1,0.5\n2,-3\n");
  const DataSet values = read_data(Communicator::self(), {.source = dir / "a.csv"});
  const Matrix<double> as_they_are = encode(values);
  ASSERT_EQ(as_they_are.rows(), 1);
  EXPECT_EQ(as_they_are(0, 0), 0.5);
  EXPECT_EQ(as_they_are(0, 1), -3);
}

TEST(MirrorImages, StandBehindTheirImagesOnEveryRank) {
  const Communicator comm = Communicator::world();
  const TempDir dir(comm);
  const std::vector<double> pixels = some_numbers<double>(100 * 2 * 2 * 3, 1000);
  write_file(comm, dir / "x.npy", npy_bytes("<f8", "(100, 2, 2, 3)", pixels));
  write_file(comm, dir / "y.npy", npy_bytes("<f8", "(100, 2)", some_numbers<double>(200, 50)));
  for (const Targets targets : {Targets::classes, Targets::values}) {
    const bool classes = targets == Targets::classes;
    const DataSpec spec =
        classes ? DataSpec{.source = "digits[:100]"}
                : DataSpec{.source = dir / "x.npy", .labels = dir / "y.npy", .targets = targets};
    const DataSet before = read_data(comm, spec);
    DataSet set = before;
    add_mirror_images(set);
    EXPECT_EQ(set.samples(), 200);
    EXPECT_EQ(set.local, set.partition.range(comm.rank()));
    ASSERT_EQ(set.local, (Range{2 * before.local.begin, 2 * before.local.end}));
    ASSERT_EQ(set.inputs.cols(), set.local.size());
    const Index width = set.shape.width;
    for (Index j = 0; j < set.local.size(); ++j) {
      for (Index i = 0; i < set.features(); ++i) {
        const Index mirrored = i / width * width + width - 1 - i % width;
        EXPECT_EQ(set.inputs(i, j), before.inputs(j % 2 == 0 ? i : mirrored, j / 2));
      }
      const auto place = static_cast<std::size_t>(j);
      if (classes) {
        EXPECT_EQ(set.classes[place], before.classes[place / 2]);
        continue;
      }
      for (Index k = 0; k < 2; ++k) EXPECT_EQ(set.values(k, j), before.values(k, j / 2));
    }
  }
}

TEST(Fingerprint, SameOnAnyNumberOfRanks) {
  const Communicator comm = Communicator::world();
  const DataSet set = read_data(comm, {.source = "digits"});
  const DataFingerprint spread = fingerprint(comm, set);
  const DataFingerprint alone =
      fingerprint(Communicator::self(), read_data(Communicator::self(), {.source = "digits"}));
  EXPECT_EQ(spread.all_inputs, alone.all_inputs);
  EXPECT_EQ(spread.all_targets, alone.all_targets);
  for (Index j = 0; j < set.local.size(); ++j) {
    const auto own = static_cast<std::size_t>(j);
    const auto whole = static_cast<std::size_t>(set.local.begin + j);
    EXPECT_EQ(spread.inputs[own], alone.inputs[whole]);
    EXPECT_EQ(spread.targets[own], alone.targets[whole]);
  }
}

TEST(Fingerprint, RecognisesTheFirstSamplesOfALongerSet) {
  const Communicator self = Communicator::self();
  const DataFingerprint few = fingerprint(self, read_data(self, {.source = "digits[:100]"}));
  const DataFingerprint many = fingerprint(self, read_data(self, {.source = "digits[:150]"}));
  EXPECT_TRUE(std::equal(few.inputs.begin(), few.inputs.end(), many.inputs.begin()));
  EXPECT_NE(few.all_inputs, many.all_inputs);
}

TEST(Fingerprint, SeesEveryChange) {
  const Communicator self = Communicator::self();
  DataSet set = read_data(self, {.source = "digits[:10]"});
  std::set<std::uint64_t> inputs{fingerprint(self, set).all_inputs};
  const auto expect_new_inputs = [&] {
    EXPECT_TRUE(inputs.insert(fingerprint(self, set).all_inputs).second);
  };
  set.inputs(63, 9) += 1e-15;
  expect_new_inputs();
  std::swap_ranges(set.inputs.column(0), set.inputs.column(0) + 64, set.inputs.column(1));
  expect_new_inputs();
  set.shape = {64, 1, 1};
  expect_new_inputs();
  const std::uint64_t targets = fingerprint(self, set).all_targets;
  set.classes[3] += 1;
  EXPECT_NE(fingerprint(self, set).all_targets, targets);
}

}  // namespace
}  // namespace widegram::io
