#pragma once

#include <functional>
#include <string>

#include "src/mpi/communicator.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::mpi {

struct WorkOptions {
  std::function<void(Index)> observe =
      {};                             ///< hears the number of pieces done over all ranks, every second or so
  const StopRequest* stop = nullptr;  ///< asked between pieces; null: nothing stops the work early
};

/// How the work of a list has ended.
struct WorkDone {
  double seconds = 0;  ///< that this rank worked
  std::string
      stopped;  ///< why not all pieces of all ranks are done; empty where they are. The same on every rank.
};

/// Collective. Every rank calls work(0), ..., work(count - 1) on a list of its own, without waiting for the
/// others. An Error on one rank stops all of them at their next heartbeat and is thrown on every rank. A wish
/// to stop on one rank likewise ends the work on all, each after the piece at hand.
WorkDone work_through(const Communicator& comm, Index count, const std::function<void(Index)>& work,
                      const WorkOptions& options = {});

}  // namespace widegram::mpi
