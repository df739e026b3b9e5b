#include "io/folder_lock.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "src/mpi/agree.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::io {
namespace {

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(FolderLock, ASecondRunIsRefusedUntilTheFirstEnds) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  {
    const FolderLock first(comm, folder / "");
    EXPECT_EQ(first.remark(), "");
    try {
      const FolderLock second(comm, folder / "");
      FAIL() << "no error";
    } catch (const mpi::CollectiveError& error) {
      EXPECT_EQ(error.code(), ExitCode::files);
      EXPECT_NE(std::string(error.what()).find("another run is at work in this folder (process "),
                std::string::npos)
          << error.what();
    }
    comm.barrier();
  }
  comm.barrier();
  EXPECT_EQ(text_of(folder / ".lock"), "");
  comm.barrier();
  EXPECT_EQ(FolderLock(comm, folder / "").remark(), "");
}

TEST(FolderLock, OneLiveRankIsEnough) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  std::optional<FolderLock> first(std::in_place, comm, folder / "");
  // All but the last rank are gone, as after a kill.
  if (comm.rank() != comm.size() - 1) first.reset();
  comm.barrier();
  EXPECT_THROW(FolderLock(comm, folder / ""), mpi::CollectiveError);
}

TEST(FolderLock, ADeadRunsLockIsTakenOver) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) std::ofstream(folder / ".lock") << "process 1 on elsewhere";
  comm.barrier();
  const FolderLock lock(comm, folder / "");
  EXPECT_NE(lock.remark().find("ended without a word (process 1 on elsewhere)"), std::string::npos)
      << lock.remark();
}

TEST(FolderLock, ALinkIsRefusedAndItsTargetLeftAlone) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) {
    std::ofstream(folder / "precious") << "mine";
    std::filesystem::create_symlink(folder / "precious", folder / ".lock");
  }
  comm.barrier();
  EXPECT_THROW(FolderLock(comm, folder / ""), mpi::CollectiveError);
  EXPECT_EQ(text_of(folder / "precious"), "mine");
}

TEST(FolderLock, AFolderInItsPlaceIsNamed) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) std::filesystem::create_directory(folder / ".lock");
  comm.barrier();
  try {
    const FolderLock lock(comm, folder / "");
    FAIL() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_NE(std::string(error.what()).find("is a folder, and no lock of widegram: remove it"),
              std::string::npos)
        << error.what();
  }
}

TEST(FolderLock, WhatIsNoTextDoesNotReachATerminal) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) std::ofstream(folder / ".lock") << "\x1b[2J";
  comm.barrier();
  EXPECT_NE(FolderLock(comm, folder / "").remark().find("(?[2J)"), std::string::npos);
}

}  // namespace
}  // namespace widegram::io
