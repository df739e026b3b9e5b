#include "io/hdf5.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/io/store_support.hpp"

namespace widegram::hdf5 {
namespace {

using test::TempDir;

class Hdf5 : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::world();
  mpi::Communicator self_ = mpi::Communicator::self();
  TempDir folder_{comm_};
  /// Each rank its own file.
  std::string path_ = folder_ / ("own" + std::to_string(comm_.rank()) + ".h5");
};

std::string message_of(const auto& work, ExitCode code = ExitCode::files) {
  try {
    work();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code);
    return e.what();
  }
  return "no error";
}

TEST_F(Hdf5, BlocksAndAttributesComeBack) {
  File file = File::create(path_);
  const Dataset written = Dataset::create<float>(file, "/a/b", {.shape = {3, 4}, .chunk = {2, 8}});
  written.write_all<float>(std::vector<float>(12, 1.0F));
  written.write<float>({{1, 2}, {2, 2}}, std::vector<float>{5, 6, 7, 8});
  write_attribute(file, "/", "text", std::string("Gramien \u00e9l\u00e9gant"));
  write_attribute(file, "/a/b", "count", std::int64_t{1} << 40);
  write_attribute(file, "/", "share", 0.25);
  write_attribute(file, "/", "share", 0.5);
  file.close();

  const File again = File::open(path_);
  const Dataset dataset(again, "/a/b");
  EXPECT_EQ(dataset.shape(), (std::vector<Index>{3, 4}));
  EXPECT_TRUE(dataset.is_float() && dataset.holds<float>() && !dataset.holds<double>());
  EXPECT_EQ(dataset.read_all<double>(), (std::vector<double>{1, 1, 1, 1, 1, 1, 5, 6, 1, 1, 7, 8}));
  std::vector<float> block(2);
  dataset.read<float>({{1, 2}, {1, 2}}, block);
  EXPECT_EQ(block, (std::vector<float>{5, 6}));
  EXPECT_EQ(read_attribute<std::string>(again, "/", "text"), "Gramien \u00e9l\u00e9gant");
  EXPECT_EQ(read_attribute<std::int64_t>(again, "/a/b", "count"), std::int64_t{1} << 40);
  EXPECT_EQ(read_attribute<double>(again, "/", "share"), 0.5);
  EXPECT_FALSE(exists(again, "/a/c"));
  EXPECT_FALSE(exists(again, "/x/y/z"));
  EXPECT_EQ(message_of([&] { Dataset(again, "/inputs"); }), path_ + " has no dataset '/inputs'");
  EXPECT_NE(message_of([&] { read_attribute<double>(again, "/", "ridge"); }).find("'ridge'"),
            std::string::npos);
}

TEST_F(Hdf5, EveryRankWritesItsRows) {
  const std::string path = folder_ / "shared.h5";
  mpi::on_root(comm_, [&] {
    File file = File::create(path);
    Dataset::create<std::int64_t>(file, "/rows", {.shape = {comm_.size(), 2}});
    file.close();
  });
  File file = File::open_all(comm_, path, Access::write);
  Dataset rows(file, "/rows");
  const std::vector<std::int64_t> mine{comm_.rank(), 10 * comm_.rank()};
  rows.write<std::int64_t>({{comm_.rank(), 0}, {1, 2}}, mine);
  rows = {};
  file.close();
  comm_.barrier();
  const std::vector<std::int64_t> all = Dataset(File::open(path), "/rows").read_all<std::int64_t>();
  for (int rank = 0; rank < comm_.size(); ++rank)
    EXPECT_EQ(all[static_cast<std::size_t>(2 * rank + 1)], 10 * rank);
}

TEST_F(Hdf5, WhatCannotBeOpenedSaysWhy) {
  EXPECT_EQ(message_of([&] { File::open(path_, ExitCode::data); }, ExitCode::data),
            path_ + ": No such file or directory");
  std::ofstream(path_) << std::string(4000, 'x');
  EXPECT_EQ(message_of([&] { File::open(path_); }), path_ + " is not an HDF5 file");
  {
    File file = File::create(path_);
    Dataset::create<double>(file, "/a", {.shape = {1000}});
  }
  std::filesystem::resize_file(path_, 5000);
  EXPECT_NE(message_of([&] { File::open(path_); }).find("is cut short"), std::string::npos);
  const std::string nowhere = path_ + "/below/a/file.h5";
  EXPECT_EQ(message_of([&] { File::create(nowhere); }), nowhere + ": Not a directory");
}

TEST_F(Hdf5, AMissingFileStopsAllRanks) {
  const std::string path = folder_ / "missing.h5";
  const std::string message = message_of([&] { File::open_all(comm_, path, Access::read); });
  EXPECT_NE(message.find(path), std::string::npos) << message;
  EXPECT_NE(message.find("No such file"), std::string::npos) << message;
}

TEST_F(Hdf5, SystemReasonsCarryAdvice) {
  const Error full = system_error({"gram.h5"}, ENOSPC);
  EXPECT_EQ(full.code(), ExitCode::files);
  EXPECT_STREQ(full.what(),
               "gram.h5: No space left on device; make room and run again, what is saved stays valid");
}

TEST_F(Hdf5, OneRankThatCannotOpenAFileStopsAll) {
  const std::string path = folder_ / "shared.h5";
  mpi::on_root(comm_, [&] { File::create(path).close(); });
  const bool culprit = comm_.rank() == comm_.size() - 1;
  const std::string elsewhere = path + ".elsewhere";
  for (const Access access : {Access::read, Access::write}) {
    const std::string message =
        message_of([&] { File::open_all(comm_, culprit ? elsewhere : path, access); });
    EXPECT_NE(message.find(comm_.size() == 1 ? elsewhere + ": No such file" : "does not see " + elsewhere),
              std::string::npos)
        << message;
  }
}

}  // namespace
}  // namespace widegram::hdf5
