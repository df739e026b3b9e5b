#include "src/mpi/work_list.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "src/mpi/agree.hpp"

namespace widegram::mpi {
namespace {

TEST(WorkList, EveryPieceIsDoneOnceAndTheTotalIsReported) {
  const Communicator comm = Communicator::world();
  std::vector<Index> order;
  Index total = 0;
  work_through(comm, comm.rank() * 5, [&](Index k) { order.push_back(k); },
               {.observe = [&](Index done) { total = done; }});
  for (Index k = 0; k < comm.rank() * 5; ++k) EXPECT_EQ(order.at(static_cast<std::size_t>(k)), k);
  EXPECT_EQ(total, 5 * comm.size() * (comm.size() - 1) / 2);
}

TEST(WorkList, AnErrorOnOneRankEndsALongListOnTheOthers) {
  const Communicator comm = Communicator::world();
  const int culprit = comm.size() - 1;
  const auto work = [&](Index k) {
    if (comm.rank() == culprit && k == 2) throw Error(ExitCode::files, "disk full");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  try {
    work_through(comm, 20000, work);
    FAIL() << "no error";
  } catch (const CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::files);
    EXPECT_EQ(std::string(e.what()), "disk full");
  }
}

}  // namespace
}  // namespace widegram::mpi
