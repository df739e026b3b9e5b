#include "src/mpi/heartbeat.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace widegram::mpi {

Heartbeat::Heartbeat(const Communicator& comm, double interval, std::function<bool()> wants_stop)
    : comm_(comm.duplicate()),
      interval_(interval),
      wants_stop_(std::move(wants_stop)),
      next_round_(interval) {}

Heartbeat::~Heartbeat() = default;

const Pulse& Heartbeat::beat(std::int64_t done) {
  advance(done, false, false);
  return pulse_;
}

const Pulse& Heartbeat::drain(std::int64_t done, bool failed) {
  while (!over()) {
    advance(done, true, failed);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return pulse_;
}

void Heartbeat::advance(std::int64_t done, bool finished, bool failed) {
  if (over()) return;
  if (round_ != MPI_REQUEST_NULL) {
    int complete = 0;
    check(MPI_Test(&round_, &complete, MPI_STATUS_IGNORE));
    if (!complete) return;
    pulse_ = {sums_[0], static_cast<int>(sums_[1]), static_cast<int>(sums_[2]), static_cast<int>(sums_[3])};
    // Whether another round follows depends on the sums alone, so that all ranks decide alike.
    if (over()) return;
  }
  if (clock_.seconds() < next_round_ && !finished) return;
  sums_ = {done, finished ? 1 : 0, failed ? 1 : 0, wants_stop_ && wants_stop_() ? 1 : 0};
  check(MPI_Iallreduce(MPI_IN_PLACE, sums_.data(), static_cast<int>(sums_.size()), MPI_INT64_T, MPI_SUM,
                       comm_.handle(), &round_));
  next_round_ = clock_.seconds() + interval_;
}

}  // namespace widegram::mpi
