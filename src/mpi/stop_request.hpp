#pragma once

#include <optional>
#include <string>

#include "src/base/timer.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::mpi {

/// Whether a run ought to end early, save what it has and leave with ExitCode::stopped: the one place that
/// knows of signals, the time limit and the stop file. Whatever works for long asks between two pieces of its
/// work, and agrees on the answer with the other ranks (work_through() does so; others call
/// stop_if_wanted()).
///
///   SIGUSR1            the batch system's early warning: finish the piece of work at hand
///   SIGTERM, SIGINT    the launcher is about to kill: save at once what is finished. A second one ends the
///   process. time limit         no further piece is begun that might not be finished and saved in time stop
///   file          a standing order, looked for by the root alone, at most once a second
class StopRequest {
 public:
  struct Options {
    std::optional<double> walltime = {};  ///< seconds from construction to the limit
    std::string file = {};                ///< path of the stop file; empty: none
  };

  /// Listens to the three signals from now on, for all requests of the process.
  static void listen_to_signals();

  /// Hears no signal that came before.
  StopRequest() = default;
  StopRequest(const Communicator& comm, Options options)
      : root_(comm.is_root()), options_(std::move(options)) {}

  /// Why to stop, as far as this rank knows; empty: go on. Local and cheap. piece: seconds that the next
  /// piece of work may take.
  std::string reason(double piece = 0) const;
  /// Whether the launcher may kill this process within seconds. Local.
  bool hurries() const;

 private:
  bool root_ = false;
  Options options_;
  Timer running_;
  mutable double looked_at_ = -1;  ///< when the stop file was last looked for
  mutable bool file_seen_ = false;
};

/// Collective. The reason of the lowest rank that has one, on every rank; empty: go on.
std::string agreed_reason(const Communicator& comm, const StopRequest& stop, double piece = 0);

/// Collective. Throws CollectiveError(stopped) where any rank wants to stop: "stopped early (signal USR1):
/// WHAT".
void stop_if_wanted(const Communicator& comm, const StopRequest& stop, const std::string& what);

}  // namespace widegram::mpi
