#pragma once

#include <mpi.h>

#include <array>
#include <cstdint>
#include <functional>

#include "src/base/timer.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::mpi {

/// What the ranks knew of each other at the last heartbeat.
struct Pulse {
  std::int64_t done = 0;  ///< units of work done, over all ranks
  int finished = 0;       ///< ranks that have nothing left to do
  int failed = 0;         ///< ranks that met an error and want all to stop
  int stopping = 0;       ///< ranks that ask all to stop early
};

/// Keeps ranks in touch that each work through a list of their own, without any of them waiting: a
/// non-blocking sum goes round every `interval` seconds. So all learn soon that one has failed, and the root
/// knows how far all of them are; or that one of them has been asked to stop. Every rank calls beat() after
/// each piece of work, and drain() once it has finished or failed.
class Heartbeat {
 public:
  /// wants_stop: asked each time that a sum is about to go round.
  Heartbeat(const Communicator& comm, double interval, std::function<bool()> wants_stop = {});
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Never waits. `done`: this rank's units of work so far.
  const Pulse& beat(std::int64_t done);

  /// Collective. Takes part until all ranks have finished or one has failed.
  const Pulse& drain(std::int64_t done, bool failed);

 private:
  void advance(std::int64_t done, bool finished, bool failed);
  bool over() const { return pulse_.failed > 0 || pulse_.finished == comm_.size(); }

  Communicator comm_;  // a channel of its own: other messages cannot cut in
  double interval_;
  std::function<bool()> wants_stop_;
  Timer clock_;
  double next_round_;
  MPI_Request round_ = MPI_REQUEST_NULL;
  std::array<std::int64_t, 4> sums_{};
  Pulse pulse_;
};

}  // namespace widegram::mpi
