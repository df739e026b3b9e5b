#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "io/data_set.hpp"
#include "io/hdf5.hpp"
#include "tests/io/data_files.hpp"

namespace widegram::io {
namespace {

using mpi::Communicator;
using namespace widegram::test;

/// Every way in which input is bad is one Error(data), the same on all ranks, that names the file and what is
/// wrong.
class BadDataTest : public testing::Test {
 protected:
  Communicator comm = Communicator::world();
  TempDir dir{comm};
  std::vector<std::uint8_t> pixels = some_numbers<std::uint8_t>(200 * 4, 256);
  std::vector<std::uint8_t> labels = some_numbers<std::uint8_t>(200, 10);
  std::string images = idx_bytes(8, {200, 2, 2}, pixels);
  std::string numbers = idx_bytes(8, {200}, labels);

  std::string idx_error(const std::string& image_bytes, const std::string& label_bytes) {
    write_file(comm, dir / "images.idx", image_bytes);
    write_file(comm, dir / "labels.idx", label_bytes);
    return read_error(comm, {.source = dir / "images.idx", .format = "idx"});
  }
  std::string npy_error(const std::string& inputs, const std::string& targets) {
    write_file(comm, dir / "X.npy", inputs);
    write_file(comm, dir / "y.npy", targets);
    return read_error(comm, {.source = dir / "X.npy"});
  }
};

TEST_F(BadDataTest, MissingAndUnreadable) {
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "none.npy"}), {"none.npy", "no such file"}));
  EXPECT_TRUE(
      says(read_error(comm, {.source = dir / "none.npy", .format = "hdf5"}), {"none.npy", "no such file"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / ""}), {"is a directory"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "", .format = "cifar10"}), {"data_batch_"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "", .format = "hdf5"}), {dir / ""}));
  EXPECT_TRUE(says(read_error(comm, {.source = "/dev/null"}), {"/dev/null", "not a regular file"}));
  EXPECT_TRUE(says(read_error(comm, {.source = "fashion-mnist"}), {"fashion-mnist:train"}));
  EXPECT_TRUE(
      says(read_error(comm, {.source = "digits:tran"}), {"digits:tran", "did you mean 'digits:train'"}));
  EXPECT_TRUE(says(read_error(comm, {.source = "digits", .labels = "x"}), {"labels"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "a[1]"}), {"[from:to]"}));
  write_file(comm, dir / "empty.csv", "");
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "empty.csv"}), {"empty.csv", "empty"}));
}

TEST_F(BadDataTest, UnknownFormat) {
  EXPECT_TRUE(
      says(error_of(
               comm, [&] { read_data(comm, {.source = "digits", .format = "cvs"}); }, ExitCode::usage),
           {"\"cvs\"", "did you mean 'csv'"}));
  write_file(comm, dir / "noise", "wxyz");
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "noise"}), {"noise", "format is not clear", "libsvm"}));
}

TEST_F(BadDataTest, CutAndWrongIdx) {
  EXPECT_EQ(idx_error(images, numbers), "no error");
  EXPECT_TRUE(says(idx_error(images.substr(0, 700), numbers), {"images.idx", "cut", "800 bytes"}));
  EXPECT_TRUE(says(idx_error(images.substr(0, 10), numbers), {"images.idx", "cut"}));
  EXPECT_TRUE(says(idx_error(images.substr(0, 2), numbers), {"images.idx", "cut"}));
  EXPECT_TRUE(says(idx_error(images, numbers.substr(0, 100)), {"labels.idx", "cut"}));
  EXPECT_TRUE(says(idx_error(images + "x", numbers), {"images.idx", "more than"}));
  EXPECT_TRUE(says(idx_error(numbers + "x", numbers), {"images.idx", "more than"}));
  EXPECT_TRUE(says(idx_error("\x01\x02\x03\x04 and so on", numbers), {"images.idx", "magic", "01020304"}));
  EXPECT_TRUE(says(idx_error(images, idx_bytes(8, {199}, std::vector<std::uint8_t>(199))),
                   {"images.idx has 200 samples", "labels.idx has 199"}));
  EXPECT_TRUE(says(idx_error(images, images), {"labels.idx", "dimensions"}));
  // 2^31 - 1 images of 65,535 x 65,535 in no bytes at all: refused before anything is allocated.
  EXPECT_TRUE(
      says(idx_error(idx_bytes<std::uint8_t>(8, {2147483647, 65535, 65535}, {}), numbers), {"images.idx"}));
  EXPECT_TRUE(says(idx_error(idx_bytes<std::uint8_t>(8, {2147483647, 2147483647, 2147483647}, {}), numbers),
                   {"images.idx", "impossible"}));
  EXPECT_TRUE(says(idx_error(idx_bytes<std::uint8_t>(8, {0, 2, 2}, {}), numbers), {"images.idx", "no data"}));
}

TEST_F(BadDataTest, CutAndDamagedGzip) {
  write_file(comm, dir / "labels.gz", gzipped(numbers));
  const auto error = [&](const std::string& bytes) {
    write_file(comm, dir / "images.gz", bytes);
    return read_error(comm, {.source = dir / "images.gz"});
  };
  const std::string packed = gzipped(images);
  EXPECT_EQ(error(packed), "no error");
  EXPECT_TRUE(says(error(packed.substr(0, packed.size() / 2)), {"images.gz", "cut"}));
  std::string wrong = packed;
  wrong[wrong.size() - 6] ^= 1;  // within the checksum at the end
  EXPECT_TRUE(says(error(wrong), {"images.gz", "damaged"}));
  EXPECT_TRUE(says(error(gzipped(images.substr(0, 600))), {"images.gz", "cut"}));
}

TEST_F(BadDataTest, LabelsThatAreNotClasses) {
  std::vector<std::int32_t> targets(labels.begin(), labels.end());
  targets[150] = -1;
  EXPECT_TRUE(
      says(idx_error(images, idx_bytes(0x0C, {200}, targets)), {"labels.idx", "label -1 of sample 150"}));
  targets[150] = 70000;
  EXPECT_TRUE(
      says(idx_error(images, idx_bytes(0x0C, {200}, targets)), {"labels.idx", "label 70000 of sample 150"}));
  write_file(comm, dir / "half.idx", idx_bytes<float>(0x0D, {200}, std::vector<float>(200, 0.5F)));
  EXPECT_TRUE(says(
      read_error(comm,
                 {.source = dir / "images.idx[3:]", .labels = dir / "half.idx", .targets = Targets::classes}),
      {"half.idx", "label 0.5 of sample 3"}));
  std::string batch(3073 * 2, '\0');
  batch[3073] = 10;
  write_file(comm, dir / "a.bin", batch);
  EXPECT_TRUE(
      says(read_error(comm, {.source = dir / "a.bin"}), {"a.bin", "label 10 of sample 1", "10 classes"}));
  write_file(comm, dir / "b.bin", batch.substr(1));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "b.bin"}), {"b.bin", "3073 bytes", "cut"}));
}

TEST_F(BadDataTest, NotFiniteNumbersAreNamedBySample) {
  std::vector<double> inputs(200 * 3, 1.0);
  const std::string targets = npy_bytes<std::uint8_t>("|u1", "(200,)", labels);
  inputs[170 * 3 + 1] = std::nan("");
  inputs[190 * 3] = HUGE_VAL;
  EXPECT_TRUE(says(npy_error(npy_bytes("<f8", "(200, 3)", inputs), targets),
                   {"X.npy", "sample 170", "nan", "feature 1"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "X.npy[175:]"}), {"sample 190", "inf", "feature 0"}));
  inputs.assign(200 * 3, 1.0);
  std::vector<double> values(200, 0.0);
  values[77] = -HUGE_VAL;
  EXPECT_TRUE(says(npy_error(npy_bytes("<f8", "(200, 3)", inputs), npy_bytes("<f8", "(200,)", values)),
                   {"y.npy", "sample 77", "-inf", "target column 0"}));
}

/// Double precision holds no squares of theirs.
TEST_F(BadDataTest, TargetsFarFromOneAreNamed) {
  const auto refused = [&](const char* rows) {
    write_file(comm, dir / "far.csv", std::string("x,y\n") + rows);
    return read_error(comm, {.source = dir / "far.csv", .labels = "y", .targets = Targets::values});
  };
  EXPECT_TRUE(says(refused("1,2.5\n2,1e101\n"), {"far.csv", "sample 1", "1e+101", "column 0", "scale"}));
  EXPECT_TRUE(says(refused("1,1e-150\n2,-3e-140\n"), {"far.csv", "column 0", "3e-140", "scale"}));
  write_file(comm, dir / "far.csv", "x,y\n1,0\n2,-1e100\n3,1e-150\n");
  EXPECT_EQ(read_data(comm, {.source = dir / "far.csv", .labels = "y", .targets = Targets::values}).samples(),
            3);
}

TEST_F(BadDataTest, CutAndWrongNpy) {
  const std::string inputs = npy_bytes("<f8", "(2, 2)", std::vector<double>{1, 2, 3, 4});
  const std::string targets = npy_bytes("<i4", "(2,)", std::vector<std::int32_t>{0, 1});
  EXPECT_EQ(npy_error(inputs, targets), "no error");
  EXPECT_TRUE(says(npy_error(inputs.substr(0, inputs.size() - 1), targets), {"X.npy", "cut"}));
  EXPECT_TRUE(says(npy_error(inputs.substr(0, 20), targets), {"X.npy", "cut within its header"}));
  EXPECT_TRUE(says(npy_error(inputs + "x", targets), {"X.npy", "more than"}));
  EXPECT_TRUE(says(npy_error("NUMPY", targets), {"X.npy"}));
  EXPECT_TRUE(says(npy_error(npy_bytes<double>("<U3", "(2, 2)", {}), targets), {"X.npy", "'<U3'"}));
  EXPECT_TRUE(says(npy_error(npy_bytes<double>("<f8", "()", {1}), targets), {"X.npy", "single number"}));
  EXPECT_TRUE(says(npy_error(npy_bytes<double>("<f8", "(-2, 2)", {1}), targets), {"X.npy", "impossible"}));
  EXPECT_TRUE(
      says(npy_error(npy_bytes<double>("<f8", "(9223372036854775807, 9223372036854775807)", {1}), targets),
           {"X.npy", "impossible"}));
  EXPECT_TRUE(says(npy_error(npy_bytes<double>("<f8", "(1, 2, 2)", {1, 2, 3, 4}), targets), {"path data"}));
  EXPECT_TRUE(says(npy_error(inputs, npy_bytes("<i4", "(3,)", std::vector<std::int32_t>{0, 1, 1})),
                   {"X.npy has 2 samples", "y.npy has 3"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "y.npy"}), {"y.npy", "`labels`"}));
}

TEST_F(BadDataTest, WrongHdf5) {
  const auto make = [&](const std::string& name, std::vector<Index> inputs, std::vector<Index> targets) {
    if (comm.is_root()) {
      const hdf5::File file = hdf5::File::create(dir / name);
      const auto put = [&](const char* dataset, const std::vector<Index>& shape) {
        if (shape.empty()) return;
        Index size = 1;
        for (const Index extent : shape) size *= extent;
        hdf5::Dataset::create<float>(file, dataset, {shape})
            .write_all<float>(std::vector<float>(static_cast<std::size_t>(size)));
      };
      put("/inputs", inputs);
      put("/targets", targets);
    }
    comm.barrier();
    return read_error(comm, {.source = dir / name});
  };
  EXPECT_EQ(make("ok.h5", {5, 3}, {5, 2}), "no error");
  EXPECT_TRUE(says(make("a.h5", {5, 3}, {4}), {"a.h5", "5 samples", "has 4"}));
  EXPECT_TRUE(says(make("b.h5", {5, 3, 2}, {5}), {"b.h5", "path data"}));
  EXPECT_TRUE(says(make("c.h5", {5, 3}, {}), {"c.h5", "targets"}));
  EXPECT_TRUE(says(make("d.h5", {5, 3}, {5, 2, 2}), {"d.h5", "dimensions"}));
  if (comm.is_root()) {
    // Extents beyond any memory: chunks come late, and none or one of them is written.
    for (const char* name : {"e.h5", "f.h5"}) {
      const hdf5::File file = hdf5::File::create(dir / name);
      const hsize_t shape[] = {hsize_t{1} << 62, 1};
      const hsize_t chunk[] = {1024, 1};
      const std::vector<float> values(1024);
      const hsize_t corner[] = {0, 0};
      const hdf5::Space space(H5Screate_simple(2, shape, nullptr));
      const hdf5::Properties chunked(H5Pcreate(H5P_DATASET_CREATE));
      H5Pset_chunk(chunked.id(), 2, chunk);
      for (const char* part : {"inputs", "targets"}) {
        const hdf5::Handle<H5Dclose> dataset(H5Dcreate2(file.id(), part, H5T_NATIVE_FLOAT, space.id(),
                                                        H5P_DEFAULT, chunked.id(), H5P_DEFAULT));
        if (name[0] == 'f') {
          ASSERT_GE(H5Dwrite_chunk(dataset.id(), H5P_DEFAULT, 0, corner, 4096, values.data()), 0);
        }
      }
    }
  }
  comm.barrier();
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "e.h5"}), {"e.h5", "no data"}));
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "f.h5"}), {"f.h5: /inputs", "more than any memory"}));
  if (comm.is_root())
    std::filesystem::resize_file(dir / "ok.h5", std::filesystem::file_size(dir / "ok.h5") - 40);
  comm.barrier();
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "ok.h5"}), {"ok.h5", "cut"}));
  write_file(comm, dir / "text.h5", "not HDF5 at all");
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "text.h5"}), {"text.h5", "HDF5"}));
}

TEST_F(BadDataTest, TestSetUnlikeTheTrainingSet) {
  const DataSet digits = read_data(comm, {.source = "digits:train[:100]"});
  idx_error(images, numbers);
  EXPECT_TRUE(says(read_error(comm, {.source = dir / "images.idx"}, &digits),
                   {"images.idx", "1 x 2 x 2", "1 x 8 x 8", "digits:train"}));
  write_file(comm, dir / "images-few.idx", idx_bytes<std::uint8_t>(8, {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  write_file(comm, dir / "labels-few.idx", idx_bytes<std::uint8_t>(8, {2}, {1, 0}));
  const DataSet few = read_data(comm, {.source = dir / "images-few.idx"});
  EXPECT_EQ(few.outputs, 2);
  EXPECT_TRUE(
      says(read_error(comm, {.source = dir / "images.idx"}, &few), {"labels.idx", "beyond the 2 classes"}));
}

TEST_F(BadDataTest, OneRankThatCannotReadStopsAll) {
  idx_error(images, numbers);
  const bool culprit = comm.rank() == comm.size() - 1;
  const DataSpec spec{.source = dir / (culprit ? "gone.idx" : "images.idx"), .labels = dir / "labels.idx"};
  EXPECT_TRUE(says(read_error(comm, spec), {"gone.idx", "no such file"}));
}

TEST_F(BadDataTest, OneRankThatSeesAnotherFileStopsAll) {
  if (comm.size() == 1) GTEST_SKIP() << "needs two ranks";
  idx_error(images, numbers);
  write_file(comm, dir / "images-few.idx", idx_bytes<std::uint8_t>(8, {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  write_file(comm, dir / "labels-few.idx", idx_bytes<std::uint8_t>(8, {2}, {1, 0}));
  const DataSpec spec{.source = dir / (comm.rank() == comm.size() - 1 ? "images-few.idx" : "images.idx")};
  EXPECT_TRUE(says(read_error(comm, spec), {"another file"}));
}

}  // namespace
}  // namespace widegram::io
