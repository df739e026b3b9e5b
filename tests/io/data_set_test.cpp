#include "io/data_set.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/data_outline.hpp"
#include "io/hdf5.hpp"
#include "tests/io/data_files.hpp"

namespace widegram::io {
namespace {

using mpi::Communicator;
using namespace widegram::test;

constexpr int n = 300;

class DataSetTest : public testing::Test {
 protected:
  Communicator comm = Communicator::world();
  TempDir dir{comm};
  std::vector<std::uint8_t> pixels = some_numbers<std::uint8_t>(n * 12, 256);
  std::vector<std::uint8_t> labels = some_numbers<std::uint8_t>(n, 7);

  /// Entry by entry, for this rank's samples; `expected(sample, feature)`.
  template <class F>
  void expect_inputs(const DataSet& set, F&& expected) {
    for (Index j = 0; j < set.local.size(); ++j)
      for (Index i = 0; i < set.features(); ++i)
        ASSERT_EQ(set.inputs(i, j), expected(set.local.begin + j, i));
  }
  void expect_labels(const DataSet& set, Index first = 0) {
    ASSERT_EQ(set.target_kind, TargetKind::classes);
    for (Index j = 0; j < set.local.size(); ++j)
      ASSERT_EQ(set.classes[static_cast<std::size_t>(j)],
                labels[static_cast<std::size_t>(first + set.local.begin + j)]);
  }
  double pixel(Index sample, Index feature) const {
    return pixels[static_cast<std::size_t>(sample * 12 + feature)];
  }
};

TEST_F(DataSetTest, IdxPlainAndCompressed) {
  for (const bool packed : {false, true}) {
    const std::string ending = packed ? ".gz" : "";
    const auto stored = [&](const std::string& bytes) { return packed ? gzipped(bytes) : bytes; };
    write_file(comm, dir / ("train-images-idx3-ubyte" + ending), stored(idx_bytes(8, {n, 3, 4}, pixels)));
    write_file(comm, dir / ("train-labels-idx1-ubyte" + ending), stored(idx_bytes(8, {n}, labels)));
    const DataSet set = read_as_alone(comm, {.source = dir / ("train-images-idx3-ubyte" + ending)});
    EXPECT_EQ(set.shape, (SampleShape{1, 3, 4}));
    EXPECT_EQ(set.samples(), n);
    EXPECT_EQ(set.outputs, 7);
    expect_inputs(set, [&](Index s, Index f) { return pixel(s, f) / 255.0; });
    expect_labels(set);

    const DataSet part =
        read_as_alone(comm, {.source = dir / ("train-images-idx3-ubyte" + ending + "[70:-20]")});
    EXPECT_EQ(part.samples(), n - 90);
    expect_inputs(part, [&](Index s, Index f) { return pixel(s + 70, f) / 255.0; });
    expect_labels(part, 70);
  }
}

TEST_F(DataSetTest, IdxOfOtherTypes) {
  write_file(comm, dir / "v.idx", idx_bytes<float>(0x0D, {n, 12}, {pixels.begin(), pixels.end()}));
  write_file(comm, dir / "k.idx", idx_bytes<std::int16_t>(0x0B, {n}, {labels.begin(), labels.end()}));
  write_file(comm, dir / "y.idx", idx_bytes<double>(0x0E, {n, 1}, {labels.begin(), labels.end()}));
  const DataSet set = read_as_alone(comm, {.source = dir / "v.idx", .labels = dir / "k.idx"});
  EXPECT_EQ(set.shape, (SampleShape{12, 1, 1}));
  expect_inputs(set, [&](Index s, Index f) { return pixel(s, f); });
  expect_labels(set);
  const DataSet values = read_as_alone(comm, {.source = dir / "v.idx", .labels = dir / "y.idx"});
  EXPECT_EQ(values.target_kind, TargetKind::values);
  const DataSet forced =
      read_as_alone(comm, {.source = dir / "v.idx", .labels = dir / "y.idx", .targets = Targets::classes});
  expect_labels(forced);
}

TEST_F(DataSetTest, Cifar10FilesListsAndFolders) {
  constexpr int records = 90;
  const std::vector<std::uint8_t> bytes = some_numbers<std::uint8_t>(2 * records * 3072, 256);
  const auto batch = [&](int first) {
    std::string text;
    for (int r = first; r < first + records; ++r) {
      text += static_cast<char>(r % 10);
      text.append(bytes.begin() + r * 3072, bytes.begin() + (r + 1) * 3072);
    }
    return text;
  };
  // Batch 10 comes behind batch 9.
  write_file(comm, dir / "data_batch_9.bin", batch(0));
  write_file(comm, dir / "data_batch_10.bin", batch(records));
  const std::string folder = dir / "";
  for (const std::string& source : {folder, dir / "data_batch_9.bin" + "," + dir / "data_batch_10.bin"}) {
    const DataSet set = read_as_alone(comm, {.source = source});
    EXPECT_EQ(set.shape, (SampleShape{3, 32, 32}));
    EXPECT_EQ(set.samples(), 2 * records);
    EXPECT_EQ(set.outputs, 10);
    expect_inputs(set,
                  [&](Index s, Index f) { return bytes[static_cast<std::size_t>(s * 3072 + f)] / 255.0; });
    for (Index j = 0; j < set.local.size(); ++j)
      ASSERT_EQ(set.classes[static_cast<std::size_t>(j)], (set.local.begin + j) % 10);
  }
  const DataSet one = read_as_alone(comm, {.source = dir / "data_batch_10.bin[80:]"});
  expect_inputs(
      one, [&](Index s, Index f) { return bytes[static_cast<std::size_t>((s + 170) * 3072 + f)] / 255.0; });
}

TEST_F(DataSetTest, NpyOfManyTypesAndOrders) {
  const std::vector<double> doubles(pixels.begin(), pixels.end());
  const std::vector<float> floats(pixels.begin(), pixels.end());
  const std::vector<std::int32_t> integers(pixels.begin(), pixels.end());
  std::vector<double> by_column(doubles.size());
  for (int s = 0; s < n; ++s)
    for (int f = 0; f < 12; ++f) by_column[static_cast<std::size_t>(f * n + s)] = pixel(s, f);
  write_file(comm, dir / "y.npy", npy_bytes<std::int64_t>("<i8", "(300,)", {labels.begin(), labels.end()}));
  write_file(comm, dir / "x1.npy", npy_bytes("<f8", "(300, 12)", doubles));
  write_file(comm, dir / "x2.npy", npy_bytes(">f4", "(300, 12)", floats, false, 2));
  write_file(comm, dir / "x3.npy", npy_bytes(">i4", "(300, 12)", integers, false, 3));
  write_file(comm, dir / "x4.npy", npy_bytes("<f8", "(300, 12)", by_column, true));
  write_file(comm, dir / "x5.npy.gz", gzipped(npy_bytes("<f4", "(300, 12)", floats)));
  for (const std::string name : {"x1.npy", "x2.npy", "x3.npy", "x4.npy", "x5.npy.gz"}) {
    SCOPED_TRACE(name);
    const DataSet set = read_as_alone(comm, {.source = dir / (name + "[1:]"), .labels = dir / "y.npy"});
    EXPECT_EQ(set.shape, (SampleShape{12, 1, 1}));
    expect_inputs(set, [&](Index s, Index f) { return pixel(s + 1, f); });
    expect_labels(set, 1);
  }
}

TEST_F(DataSetTest, NpyImagesInFortranOrderAndHalfPrecision) {
  // 1, 2, ... 12 in C order of (2, 1, 2, 3); sample s, pixel (h, w) is 6 s + 3 h + w + 1.
  write_file(comm, dir / "inputs.npy",
             npy_bytes<float>("<f4", "(2, 1, 2, 3)", {1, 7, 4, 10, 2, 8, 5, 11, 3, 9, 6, 12}, true));
  // 1.0, -2.5, 65504 (the largest), 2^-24 (the least)
  write_file(comm, dir / "targets.npy",
             npy_bytes<std::uint16_t>("<f2", "(2, 2)", {0x3C00, 0xC100, 0x7BFF, 0x0001}));
  const DataSet set = read_as_alone(comm, {.source = dir / "inputs.npy"});
  EXPECT_EQ(set.shape, (SampleShape{1, 2, 3}));
  expect_inputs(set, [&](Index s, Index f) { return static_cast<double>(6 * s + f + 1); });
  EXPECT_EQ(set.target_kind, TargetKind::values);
  const DataSet alone = read_data(Communicator::self(), {.source = dir / "inputs.npy"});
  EXPECT_EQ(alone.values(0, 0), 1.0);
  EXPECT_EQ(alone.values(1, 0), -2.5);
  EXPECT_EQ(alone.values(0, 1), 65504.0);
  EXPECT_EQ(alone.values(1, 1), 0x1p-24);
}

TEST_F(DataSetTest, Hdf5ClassesValuesAndImages) {
  const std::vector<double> doubles(pixels.begin(), pixels.end());
  const std::vector<std::int32_t> classes(labels.begin(), labels.end());
  if (comm.is_root()) {
    hdf5::File file = hdf5::File::create(dir / "c.h5");
    hdf5::Dataset::create<std::uint8_t>(file, "/inputs", {{n, 3, 2, 2}}).write_all<std::uint8_t>(pixels);
    hdf5::Dataset::create<std::int32_t>(file, "/targets", {{n}}).write_all<std::int32_t>(classes);
    hdf5::File other = hdf5::File::create(dir / "v.h5");
    hdf5::Dataset::create<double>(other, "/inputs", {{n, 12}}).write_all<double>(doubles);
    hdf5::Dataset::create<double>(other, "/targets", {{n, 12}}).write_all<double>(doubles);
  }
  comm.barrier();
  const DataSet images = read_as_alone(comm, {.source = dir / "c.h5[5:]"});
  EXPECT_EQ(images.shape, (SampleShape{3, 2, 2}));
  expect_inputs(images, [&](Index s, Index f) { return pixel(s + 5, f) / 255.0; });
  expect_labels(images, 5);
  const DataSet values = read_as_alone(comm, {.source = dir / "v.h5"});
  EXPECT_EQ(values.outputs, 12);
  for (Index j = 0; j < values.local.size(); ++j)
    EXPECT_EQ(values.values(3, j), pixel(values.local.begin + j, 3));
  EXPECT_TRUE(std::equal(values.values.data(), values.values.data() + 12 * values.local.size(),
                         values.inputs.data()));
}

TEST_F(DataSetTest, DigitsShipWithTheProgram) {
  const DataSet set = read_as_alone(comm, {.source = "digits"});
  EXPECT_EQ(set.samples(), 1797);
  EXPECT_EQ(set.shape, (SampleShape{1, 8, 8}));
  const std::vector<std::int64_t> counts{178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
  for (std::int64_t k = 0; k < 10; ++k)
    EXPECT_EQ(comm.sum(static_cast<Index>(std::count(set.classes.begin(), set.classes.end(), k))),
              counts[static_cast<std::size_t>(k)]);
  if (comm.is_root()) {
    const std::vector<double> first_rows{0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0};
    for (std::size_t i = 0; i < first_rows.size(); ++i)
      EXPECT_EQ(set.inputs(static_cast<Index>(i), 0), first_rows[i] / 16.0);
    EXPECT_EQ(set.classes[0], 0);
    EXPECT_EQ(set.classes[1], 1);
  }
  const DataSet train = read_data(comm, {.source = "digits:train"});
  const DataSet test = read_data(comm, {.source = "digits:test"}, &train);
  EXPECT_EQ(train.samples(), 1347);
  EXPECT_EQ(test.samples(), 450);
  const DataSet same = read_data(comm, {.source = "digits[1347:]"});
  EXPECT_TRUE(
      std::equal(test.inputs.data(), test.inputs.data() + 64 * test.local.size(), same.inputs.data()));
}

TEST_F(DataSetTest, FashionMnistWhereItIsInstalled) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz"))
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const DataSet set = read_as_alone(comm, {.source = "fashion-mnist:test[:500]"});
  EXPECT_EQ(set.shape, (SampleShape{1, 28, 28}));
  EXPECT_EQ(set.outputs, 10);
  EXPECT_EQ(set.class_names[9], "Ankle boot");
  if (comm.is_root()) {
    EXPECT_EQ(set.classes[0], 9);
    EXPECT_EQ(set.classes[1], 2);
  }
  EXPECT_TRUE(says(read_error(comm, {.source = "fashion-mnist:test[:10001]"}), {"10000 samples"}));
}

TEST_F(DataSetTest, OutlineIsWhatReadingGives) {
  write_file(comm, dir / "a.csv", "a,b,y\n1,2,0\n3,4,1\n5,6,1\n");
  for (const std::string& source : {std::string("digits:test[:100]"), dir / "a.csv[1:]"}) {
    const DataOutline outline = outline_data(comm, {.source = source});
    const DataSet set = read_data(comm, {.source = source});
    EXPECT_EQ(outline.shape, set.shape);
    EXPECT_EQ(outline.samples, set.samples());
  }
  EXPECT_TRUE(
      says(error_of(comm, [&] { outline_data(comm, {.source = "digits[:2000]"}); }), {"1797 samples"}));
}

TEST_F(DataSetTest, NoRankHoldsMoreThanItsPart) {
  const DataSet set = read_data(comm, {.source = "digits"});
  const Index fair = ceil_div(ceil_div(Index{1797}, Index{64}), comm.size()) * 64;
  EXPECT_LE(set.inputs.cols(), fair);
}

}  // namespace
}  // namespace widegram::io
