#include "src/mpi/communicator.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace widegram::mpi {
namespace {

TEST(Communicator, ReducesGathersAndBroadcasts) {
  const Communicator comm = Communicator::world();
  const int p = comm.size();
  EXPECT_EQ(comm.sum(comm.rank()), p * (p - 1) / 2);
  EXPECT_EQ(comm.max(static_cast<double>(comm.rank())), p - 1);
  EXPECT_EQ(comm.min(comm.rank() + 3), 3);
  EXPECT_EQ(comm.broadcast(comm.is_root() ? "from the root" : std::string()), "from the root");
  const auto ranks = comm.all_gather(static_cast<std::int64_t>(comm.rank()));
  for (int r = 0; r < p; ++r) EXPECT_EQ(ranks[static_cast<std::size_t>(r)], r);
  const Spread spread = comm.spread(comm.rank());
  EXPECT_EQ(spread.min, 0);
  EXPECT_EQ(spread.max, p - 1);
  EXPECT_DOUBLE_EQ(spread.mean, (p - 1) / 2.0);
}

template <class T>
void expect_unsigned_order() {
  const Communicator comm = Communicator::world();
  const T large = std::numeric_limits<T>::max() - 1;
  const T mine = comm.is_root() ? large : T{3};
  EXPECT_EQ(comm.max(mine), large);
  EXPECT_EQ(comm.min(mine), comm.size() == 1 ? large : T{3});
}

TEST(Communicator, LargeUnsignedNumbersAreLarge) {
  expect_unsigned_order<std::uint64_t>();
  expect_unsigned_order<std::uint8_t>();
}

TEST(Communicator, DuplicatesAndMoves) {
  const Communicator comm = Communicator::world();
  Communicator copy = comm.duplicate();
  const Communicator moved = std::move(copy);
  EXPECT_EQ(moved.rank(), comm.rank());
  EXPECT_EQ(moved.sum(1), comm.size());
}

}  // namespace
}  // namespace widegram::mpi
