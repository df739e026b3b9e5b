// What the store does when the disk does not take any more.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>

#include "io/gram_store.hpp"
#include "io/inspect.hpp"
#include "io/model.hpp"
#include "io/predictions.hpp"
#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "io/verify.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

/// This process's files may not grow past a size, as under `ulimit -f`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit before_{};
  void (*old_handler_)(int) = nullptr;
};

/// A file system of a few pages, where the process may mount one. Collective.
class SmallDisk {
 public:
  SmallDisk(const mpi::Communicator& comm, const std::string& folder, const char* size)
      : comm_(comm), folder_(folder) {
    const bool here = comm.is_root() && ::mount("tmpfs", folder.c_str(), "tmpfs", 0, size) == 0;
    mounted_ = comm.broadcast(here ? 1 : 0) != 0;
  }
  ~SmallDisk() {
    comm_.barrier();
    if (mounted_ && comm_.is_root()) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  const mpi::Communicator& comm_;
  std::string folder_;
  bool mounted_ = false;
};

class Disk : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir folder_{comm_};

  /// The message of the error of files that all ranks meet.
  template <class F>
  static std::string message_of(F&& work) {
    try {
      work();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::files);
      return e.what();
    }
    return "no error";
  }
  /// Writes this rank's share; the message of the error that all ranks then see.
  std::string write_share(GramStore& store) {
    return message_of([&] {
      mpi::collectively(comm_, [&] {
        write_missing<float>(
            store, [&](Index k) { return k % comm_.size() == comm_.rank(); }, 3);
      });
    });
  }
  static bool says_full(const std::string& message) {
    return (message.find("No space left on device") != std::string::npos ||
            message.find("the disk is full (") != std::string::npos) &&
           message.find("make room and run again") != std::string::npos;
  }
  /// Every record that is in the file speaks the truth.
  void expect_valid(const std::string& path) {
    const VerifyReport report = verify(comm_, path);
    EXPECT_TRUE(report.good()) << report.text();
    EXPECT_GT(report.missing, 0);
  }
};

TEST_F(Disk, FileSizeLimitIsAnErrorAndTheNextRunGoesOn) {
  const std::string path = folder_ / "gram.h5";
  const GramHeader header = small_header(300, 0, Precision::float32, 32);
  GramStore store = GramStore::create(comm_, path, header);
  std::string message;
  {
    const FileSizeLimit limit(std::filesystem::file_size(path) * 2 / 3);
    message = write_share(store);
  }
  EXPECT_EQ(message.find(path), 0) << message;
  EXPECT_NE(message.find("File too large"), std::string::npos) << message;
  store.close();
  expect_valid(path);

  GramStore again = GramStore::open(comm_, path, hdf5::Access::write);
  EXPECT_GT(again.done_count(GramPart::train), 0);
  EXPECT_EQ(wrong_tiles<float>(again), 0);
  EXPECT_EQ(write_share(again), "no error");
  again.finish();
  again.close();
  EXPECT_TRUE(verify(comm_, path).good());
}

TEST_F(Disk, FileSizeLimitStopsANewFileBeforeItIsMade) {
  const FileSizeLimit limit(1 << 16);
  const auto expect_refused = [&](const std::string& path, auto&& work) {
    EXPECT_EQ(message_of(work).find(path + ": File too large"), 0U);
    EXPECT_EQ(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_FILE), 0);
    EXPECT_FALSE(std::filesystem::exists(draft_path(path)));
  };
  const std::string gram = folder_ / "gram.h5";
  expect_refused(gram, [&] { GramStore::create(comm_, gram, small_header(300)); });
  const std::string path = folder_ / "model.h5";
  Model model;
  model.alpha = Matrix<double>(3000, 10);
  expect_refused(path, [&] { write_model(comm_, path, model); });
}

TEST_F(Disk, FullDiskIsAnErrorAndWhatIsSavedStaysValid) {
  const SmallDisk disk(comm_, folder_.path(), "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "only a privileged user can mount a small disk";
  const std::string path = folder_ / "gram.h5";
  // 1.3 MB of tiles in the lower triangle on a disk of 1 MiB.
  GramStore store = GramStore::create(comm_, path, small_header(800, 0, Precision::float32, 32));
  const std::string message = write_share(store);
  EXPECT_TRUE(says_full(message)) << message;
  store.close();
  expect_valid(path);
}

TEST_F(Disk, NoRoomForAFilesStructureIsAnErrorAndLeavesNothingOpen) {
  const GramHeader header = small_header(20000, 100, Precision::float32, 256);
  for (const char* size : {"size=4k", "size=8k", "size=16k", "size=24k", "size=128k"}) {
    const SmallDisk disk(comm_, folder_.path(), size);
    if (!disk.mounted()) GTEST_SKIP() << "only a privileged user can mount a small disk";
    const auto open_files = [] { return H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_FILE); };
    const auto open_before = open_files();
    // Nor does half a file go on filling the disk.
    const auto expect_full = [&](auto&& work) {
      const std::string message = message_of(work);
      EXPECT_TRUE(says_full(message)) << size << ": " << message;
      EXPECT_TRUE(!comm_.is_root() || std::filesystem::is_empty(folder_.path())) << size << ": " << message;
    };
    expect_full([&] { GramStore::create(comm_, folder_ / "gram.h5", header); });
    Model model;
    model.alpha = Matrix<double>(3000, 10);
    expect_full([&] { write_model(comm_, folder_ / "model.h5", model); });
    EXPECT_EQ(open_files(), open_before) << size;
    expect_full([&] {
      const Matrix<double> mean(40000, 1);
      PredictionsWriter writer =
          PredictionsWriter::create(comm_, folder_ / "predictions.h5", {.m = 40000, .k = 1});
      mpi::collectively(comm_, [&] { writer.write_mean(0, mean.view()); });
      writer.finish();
    });
  }
}

TEST_F(Disk, AnotherFolderOnEachRankIsAnErrorOfAll) {
  if (comm_.size() == 1) GTEST_SKIP() << "one rank always sees what it sees";
  // As where the folder is local to a node: one name, two places.
  const std::string path = folder_ / (comm_.rank() == 1 ? "elsewhere.h5" : "gram.h5");
  const std::string told = " (" + host_name() + ") does not see " + folder_ / "elsewhere.h5";
  EXPECT_NE(message_of([&] { GramStore::create(comm_, path, small_header()); }).find("rank 1" + told),
            std::string::npos);
  if (comm_.rank() == 1) std::ofstream(path) << "another file of that name";
  comm_.barrier();
  const std::string message = message_of([&] { GramStore::open(comm_, path, hdf5::Access::write); });
  EXPECT_EQ(message.find("rank 1 ("), 0U) << message;
  EXPECT_NE(message.find("25 bytes, which has "), std::string::npos) << message;
  EXPECT_NE(message_of([&] { verify(comm_, path); }).find("that all nodes share"), std::string::npos);
}

TEST_F(Disk, WhatIsNoFileIsRefusedBeforeItIsOpened) {
  const std::string fifo = folder_ / "fifo.h5";
  const std::string link = folder_ / "link.h5";
  if (comm_.is_root()) {
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    std::filesystem::create_symlink(folder_ / "nowhere.h5", link);
  }
  comm_.barrier();
  const GramHeader header = small_header();
  for (const std::string& path : {fifo, std::string("/dev/null")}) {
    const std::string told = path + (path == fifo ? " is a FIFO" : " is a device") + " and no regular file";
    EXPECT_EQ(message_of([&] { GramStore::create(comm_, path, header); }).find(told), 0U);
    EXPECT_EQ(message_of([&] { GramStore::open(comm_, path, hdf5::Access::read); }).find(told), 0U);
    EXPECT_EQ(message_of([&] { hdf5::File::open_all(comm_, path, hdf5::Access::read); }).find(told), 0U);
    EXPECT_EQ(message_of([&] { write_model(comm_, path, Model{}); }).find(told), 0U);
    EXPECT_EQ(message_of([&] { read_model(comm_, path); }).find(told), 0U);
    EXPECT_EQ(message_of([&] { verify(comm_, path); }).find(told), 0U);
    EXPECT_EQ(message_of([&] { inspect(path); }).find(told), 0U);
  }
  const std::string told = link + " is a link to a file that does not exist";
  EXPECT_EQ(message_of([&] { GramStore::create(comm_, link, header); }).find(told), 0U);
  EXPECT_EQ(message_of([&] { write_model(comm_, link, Model{}); }).find(told), 0U);
}

}  // namespace
}  // namespace widegram::io
