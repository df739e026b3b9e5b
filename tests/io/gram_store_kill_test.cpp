// A writer that is killed at any moment leaves a store whose records are true.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "io/verify.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

/// Starts the writer as a program of its own, outside the MPI job that runs this test.
pid_t start_writer(const std::string& path) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const char* arguments[] = {WIDEGRAM_STORE_WRITER, path.c_str(), nullptr};
  const char* environment[] = {
      "PATH=/usr/bin:/bin",
      "HOME=/tmp",
      "OMPI_MCA_ess_singleton_isolated=1",
      "OPENBLAS_NUM_THREADS=1",
      "ASAN_OPTIONS=detect_leaks=0",  // where sanitized: Open MPI leaks a little at its end
      nullptr};
  ::execve(WIDEGRAM_STORE_WRITER, const_cast<char**>(arguments), const_cast<char**>(environment));
  ::_exit(127);
}

Index records_in(const std::string& path) {
  const std::vector<std::uint64_t> records =
      hdf5::Dataset(hdf5::File::open(path), "/tiles/train").read_all<std::uint64_t>();
  return static_cast<Index>(records.size()) - std::count(records.begin(), records.end(), std::uint64_t{0});
}

TEST(Kill, RecordedTilesAreRightAndTheNextRunFinishes) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const TempDir folder(comm);
  const std::string path = folder / "gram.h5";
  const GramHeader header = small_header(4000, 0, Precision::float32, 16);
  GramStore::create(comm, path, header).close();

  Index before = 0;
  for (int kill = 0; kill < 3; ++kill) {
    const pid_t child = start_writer(path);
    ASSERT_GT(child, 0);
    // Killed once it has got somewhere, at a moment that is different each time.
    while (records_in(path) < before + 500 + 377 * kill && ::waitpid(child, nullptr, WNOHANG) == 0)
      std::this_thread::sleep_for(std::chrono::microseconds(300 + 170 * kill));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);

    const VerifyReport report = verify(comm, path);
    EXPECT_TRUE(report.good()) << report.text();
    EXPECT_GT(report.missing, 0) << "killed too late to test anything";
    EXPECT_GT(records_in(path), before);
    before = records_in(path);
  }

  const pid_t child = start_writer(path);
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  GramStore store = GramStore::open(comm, path, hdf5::Access::read);
  EXPECT_TRUE(store.complete());
  EXPECT_EQ(wrong_tiles<float>(store), 0);
  store.close();
}

}  // namespace
}  // namespace widegram::io
