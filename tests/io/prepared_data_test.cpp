#include <gtest/gtest.h>

#include <set>

#include "io/data_fingerprint.hpp"
#include "io/encoding.hpp"
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
