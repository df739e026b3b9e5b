#include "src/mpi/agree.hpp"

#include <gtest/gtest.h>

#include <new>
#include <string>

namespace widegram::mpi {
namespace {

TEST(Agree, NothingWrongReturnsTheResult) {
  const Communicator comm = Communicator::world();
  EXPECT_EQ(collectively(comm, [&] { return comm.rank() + 1; }), comm.rank() + 1);
}

TEST(Agree, OneRankFailingAloneStopsAllWithOneMessage) {
  const Communicator comm = Communicator::world();
  const int culprit = comm.size() / 2;
  try {
    collectively(comm, [&] {
      if (comm.rank() == culprit) throw Error(ExitCode::data, "sample 17 holds NaN");
    });
    FAIL() << "no error on rank " << comm.rank();
  } catch (const CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::data);
    EXPECT_STREQ(e.what(), "sample 17 holds NaN");
  }
}

TEST(Agree, TheLowestRankSpeaks) {
  const Communicator comm = Communicator::world();
  try {
    collectively(comm, [&] { throw Error(ExitCode::files, "rank " + std::to_string(comm.rank())); });
    FAIL();
  } catch (const CollectiveError& e) {
    EXPECT_STREQ(e.what(), "rank 0");
  }
}

TEST(Agree, AFileThatFailsIsAnErrorOfAllThatNamesIt) {
  const Communicator comm = Communicator::world();
  try {
    on_root(comm, [] { std::filesystem::create_directory("/no such folder/below"); });
    FAIL();
  } catch (const CollectiveError& e) {
    EXPECT_EQ(e.code(), ExitCode::files);
    EXPECT_EQ(std::string(e.what()).find("/no such folder/below: No such file"), 0U) << e.what();
  }
}

TEST(Agree, MemoryRunningOutIsAnErrorOfAll) {
  const Communicator comm = Communicator::world();
  EXPECT_THROW(collectively(comm,
                            [&] {
                              if (comm.rank() == comm.size() - 1) throw std::bad_alloc();
                            }),
               CollectiveError);
}

}  // namespace
}  // namespace widegram::mpi
