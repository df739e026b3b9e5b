// What the store does when the disk does not take any more.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "io/gram_store.hpp"
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
  ScratchFolder folder_{comm_};

  /// Writes this rank's share; the message of the error that all ranks then see.
  std::string write_share(GramStore& store) {
    try {
      mpi::collectively(comm_, [&] {
        write_missing<float>(
            store, [&](Index k) { return k % comm_.size() == comm_.rank(); }, 3);
      });
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::files);
      return e.what();
    }
    return "no error";
  }
  /// Every record that is in the file speaks the truth.
  void expect_valid(const std::string& path) {
    const VerifyReport report = verify(comm_, path);
    EXPECT_TRUE(report.good()) << report.text();
    EXPECT_GT(report.missing, 0);
  }
};

TEST_F(Disk, FileSizeLimitIsAnErrorAndTheNextRunGoesOn) {
  const std::string path = folder_.file("gram.h5");
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

TEST_F(Disk, FullDiskIsAnErrorAndWhatIsSavedStaysValid) {
  const SmallDisk disk(comm_, folder_.path(), "size=1m");
  if (!disk.mounted()) GTEST_SKIP() << "only a privileged user can mount a small disk";
  const std::string path = folder_.file("gram.h5");
  // 1.3 MB of tiles in the lower triangle on a disk of 1 MiB.
  GramStore store = GramStore::create(comm_, path, small_header(800, 0, Precision::float32, 32));
  const std::string message = write_share(store);
  EXPECT_NE(message.find("No space left on device"), std::string::npos) << message;
  store.close();
  expect_valid(path);
}

}  // namespace
}  // namespace widegram::io
