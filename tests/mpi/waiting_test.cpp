#include "src/mpi/waiting.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "src/mpi/communicator.hpp"

namespace widegram::mpi {
namespace {

TEST(Waiting, CountsTimeSpentForOthersAndNotForOneself) {
  const Communicator comm = Communicator::world();
  const auto late = std::chrono::milliseconds(120);
  comm.barrier();
  const double before = waited_seconds();
  if (comm.is_root()) std::this_thread::sleep_for(late);
  comm.barrier();
  const double waited = waited_seconds() - before;
  if (comm.is_root())
    EXPECT_LT(waited, 0.1);
  else
    EXPECT_GT(waited, 0.1);
}

TEST(Waiting, NestedPlacesCountOnce) {
  const double before = waited_seconds();
  {
    const Waiting outer;
    const Waiting inner;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(waited_seconds(), before);
  }
  EXPECT_GE(waited_seconds() - before, 0.02);
}

}  // namespace
}  // namespace widegram::mpi
