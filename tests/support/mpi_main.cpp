// Runs GoogleTest on every rank and brings the failures of all ranks to the one that prints.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <string>

#include "src/mpi/communicator.hpp"
#include "src/mpi/session.hpp"

namespace {

using widegram::mpi::Communicator;

/// After each test the ranks exchange their failures; rank 0 prints those of the others and fails with them.
/// A rank alone in a collective call would hang here: ctest's time-out ends that.
class AllRanksListener : public testing::EmptyTestEventListener {
 public:
  explicit AllRanksListener(const Communicator& comm) : comm_(comm) {}

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed())
      failures_ +=
          fmt::format("[rank {}] {}:{}\n{}\n", comm_.rank(), result.file_name() ? result.file_name() : "?",
                      result.line_number(), result.summary());
  }

  void OnTestEnd(const testing::TestInfo&) override {
    std::string others;
    for (int rank = 1; rank < comm_.size(); ++rank)
      others += comm_.broadcast(rank == comm_.rank() ? failures_ : "", rank);
    failures_.clear();
    if (others.empty()) return;
    failed_ = true;
    if (comm_.is_root()) fmt::print(stdout, "{}", others);
  }

  bool failed() const { return failed_; }

 private:
  const Communicator& comm_;
  std::string failures_;
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  widegram::mpi::Session session;
  const Communicator comm = Communicator::world();
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (!comm.is_root()) delete listeners.Release(listeners.default_result_printer());
  auto* all_ranks = new AllRanksListener(comm);
  listeners.Append(all_ranks);
  const bool failed_here = RUN_ALL_TESTS() != 0 || all_ranks->failed();
  const bool failed = comm.max(failed_here ? 1 : 0) != 0;
  if (failed && comm.is_root()) std::fputs("[  FAILED  ] on at least one rank\n", stdout);
  return failed ? 1 : 0;
}
