#pragma once

#include <mpi.h>

#include <vector>

#include "src/mpi/communicator.hpp"

/// What MPI's exchanges of unequal shares want to be told.
namespace widegram::mpi {

/// How many items go to (or come from) each rank, and where they start in the buffer.
class Counts {
 public:
  /// count_of(rank): 64 bits, narrowed here with a message.
  template <class F>
  Counts(int ranks, F&& count_of) {
    for (int rank = 0; rank < ranks; ++rank) {
      const Index count = count_of(rank);
      counts_.push_back(to_int(count, "items for one rank"));
      starts_.push_back(to_int(total_, "items of an exchange"));
      total_ += count;
    }
  }
  const int* counts() const { return counts_.data(); }
  const int* starts() const { return starts_.data(); }
  Index total() const { return total_; }

 private:
  std::vector<int> counts_;
  std::vector<int> starts_;
  Index total_ = 0;
};

/// `values` numbers that lie together, as one MPI item: counts are then of groups and fit 32 bits.
template <class T>
class GroupType {
 public:
  explicit GroupType(Index values) {
    check(MPI_Type_contiguous(to_int(values, "numbers of an MPI item"), datatype<T>(), &type_));
    check(MPI_Type_commit(&type_));
  }
  ~GroupType() { MPI_Type_free(&type_); }
  GroupType(const GroupType&) = delete;
  GroupType& operator=(const GroupType&) = delete;
  MPI_Datatype get() const { return type_; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

}  // namespace widegram::mpi
