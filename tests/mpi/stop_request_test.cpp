#include "src/mpi/stop_request.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "src/mpi/agree.hpp"
#include "src/mpi/work_list.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::mpi {
namespace {

constexpr Index many = 100000;

void work_for(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

TEST(StopRequest, NothingAskedForNothingStopped) {
  const Communicator comm = Communicator::world();
  const StopRequest stop(comm, {.walltime = 1000.0, .file = "no/such/file"});
  Index done = 0;
  EXPECT_EQ(work_through(comm, 5, [&](Index) { ++done; }, {.stop = &stop}).stopped, "");
  EXPECT_EQ(done, 5);
  EXPECT_NO_THROW(stop_if_wanted(comm, stop, "nothing"));
}

TEST(StopRequest, NoPieceIsBegunThatMightPassTheTimeLimit) {
  const Communicator comm = Communicator::world();
  const StopRequest stop(comm, {.walltime = 3.0});
  const Timer timer;
  Index done = 0;
  const auto work = [&](Index) { work_for(20), ++done; };
  EXPECT_EQ(work_through(comm, many, work, {.stop = &stop}).stopped, "time limit");
  EXPECT_GT(done, 0);
  EXPECT_LT(timer.seconds(), 3.0);
  EXPECT_EQ(stop.reason(0.1), "time limit");
}

TEST(StopRequest, APieceThatWouldNotFitCounts) {
  const Communicator comm = Communicator::world();
  const StopRequest stop(comm, {.walltime = 100.0});
  EXPECT_EQ(stop.reason(10.0), "");
  EXPECT_EQ(stop.reason(90.0), "time limit");
}

/// A script that runs the same command again would never get anywhere.
TEST(StopRequest, ALimitThatLeavesNoTimeForWorkIsToldApart) {
  const StopRequest stop(Communicator::world(), {.walltime = 1.5});
  EXPECT_EQ(stop.reason(), "a time limit of 1.5 s leaves none for work: 2 s are kept for saving");
}

TEST(StopRequest, AStopFileStopsAllRanksAndStays) {
  const Communicator comm = Communicator::world();
  const test::TempDir scratch(comm);
  const std::string file = scratch / "stop";
  const StopRequest stop(comm, {.file = file});
  const auto work = [&](Index k) {
    work_for(1);
    if (comm.is_root() && k == 10) std::ofstream(file) << "";
  };
  EXPECT_EQ(work_through(comm, many, work, {.stop = &stop}).stopped, file + " is there: remove it to go on");
  // Who asks anew is stopped before the first piece.
  const StopRequest next(comm, {.file = file});
  Index done = 0;
  EXPECT_NE(work_through(comm, comm.is_root() ? 5 : 0, [&](Index) { ++done; }, {.stop = &next}).stopped, "");
  EXPECT_EQ(done, 0);
}

/// The last test: a signal is for good.
TEST(StopRequest, ASignalToOneRankStopsAll) {
  StopRequest::listen_to_signals();
  const Communicator comm = Communicator::world();
  const StopRequest stop;
  const auto work = [&](Index k) {
    work_for(1);
    if (comm.rank() == comm.size() - 1 && k == 10) std::raise(SIGUSR1);
  };
  EXPECT_EQ(work_through(comm, many, work, {.stop = &stop}).stopped, "signal USR1");
  EXPECT_FALSE(stop.hurries());
  try {
    stop_if_wanted(comm, stop, "half of it is saved");
    FAIL() << "no error";
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::stopped);
    EXPECT_STREQ(error.what(), "stopped early (signal USR1): half of it is saved");
  }
  std::raise(SIGTERM);
  EXPECT_TRUE(stop.hurries());
  EXPECT_EQ(stop.reason(), "signal TERM");
}

}  // namespace
}  // namespace widegram::mpi
