#include "src/mpi/heartbeat.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace widegram::mpi {
namespace {

void work_for(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

TEST(Heartbeat, UnequalWorkIsAddedUp) {
  const Communicator comm = Communicator::world();
  Heartbeat heart(comm, 0.001);
  const int pieces = 3 + 4 * comm.rank();
  for (int i = 1; i <= pieces; ++i) {
    work_for(1);
    EXPECT_EQ(heart.beat(i).failed, 0);
  }
  const Pulse& last = heart.drain(pieces, false);
  EXPECT_EQ(last.finished, comm.size());
  EXPECT_EQ(last.done, 3 * comm.size() + 2 * comm.size() * (comm.size() - 1));
}

TEST(Heartbeat, OneFailureStopsThoseWhoStillWork) {
  const Communicator comm = Communicator::world();
  Heartbeat heart(comm, 0.001);
  const bool culprit = comm.rank() == comm.size() - 1;
  std::int64_t done = 0;
  while (!culprit && heart.beat(++done).failed == 0) work_for(1);
  EXPECT_EQ(heart.drain(done, culprit).failed, 1);
}

TEST(Heartbeat, RanksWithoutWorkTakePart) {
  const Communicator comm = Communicator::world();
  Heartbeat heart(comm, 10.0);
  EXPECT_EQ(heart.drain(0, false).finished, comm.size());
}

}  // namespace
}  // namespace widegram::mpi
