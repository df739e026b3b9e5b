#include "src/mpi/stop_request.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "src/mpi/agree.hpp"

namespace widegram::mpi {
namespace {

/// What handlers may touch. The last signal that came; and whether one of them was urgent.
volatile std::sig_atomic_t last_signal = 0;
volatile std::sig_atomic_t urgent = 0;

void hear(int signal) {
  if (signal != SIGUSR1) {
    // Who asks twice will not wait.
    if (urgent != 0) {
      std::signal(signal, SIG_DFL);
      ::raise(signal);
    }
    urgent = 1;
  }
  last_signal = signal;
}

const char* name_of(int signal) {
  switch (signal) {
    case SIGUSR1:
      return "signal USR1";
    case SIGINT:
      return "signal INT";
    default:
      return "signal TERM";
  }
}

}  // namespace

void StopRequest::listen_to_signals() {
  for (const int signal : std::array{SIGUSR1, SIGTERM, SIGINT}) {
    struct sigaction action {};
    action.sa_handler = &hear;
    action.sa_flags = SA_RESTART;  // reads and writes of files go on
    ::sigaction(signal, &action, nullptr);
  }
}

std::string StopRequest::reason(double piece) const {
  if (last_signal != 0) return name_of(last_signal);
  // The longest piece so far is no promise for the next one, and saving and agreeing take their time.
  constexpr double caution = 1.25;
  constexpr double to_finish = 2.0;
  const double now = running_.seconds();
  if (options_.walltime && *options_.walltime <= to_finish)
    return fmt::format("a time limit of {:g} s leaves none for work: {:g} s are kept for saving",
                       *options_.walltime, to_finish);
  if (options_.walltime && now + caution * piece + to_finish >= *options_.walltime) return "time limit";
  if (root_ && !options_.file.empty() && !file_seen_ && (looked_at_ < 0 || now > looked_at_ + 1.0)) {
    looked_at_ = now;
    file_seen_ = ::access(options_.file.c_str(), F_OK) == 0;
  }
  return file_seen_ ? options_.file + " is there: remove it to go on" : std::string();
}

bool StopRequest::hurries() const { return urgent != 0; }

std::string agreed_reason(const Communicator& comm, const StopRequest& stop, double piece) {
  const std::string mine = stop.reason(piece);
  const int lowest = comm.min(mine.empty() ? comm.size() : comm.rank());
  return lowest == comm.size() ? std::string() : comm.broadcast(mine, lowest);
}

void stop_if_wanted(const Communicator& comm, const StopRequest& stop, const std::string& what) {
  if (const std::string reason = agreed_reason(comm, stop); !reason.empty())
    throw CollectiveError(ExitCode::stopped, "stopped early (" + reason + "): " + what);
}

}  // namespace widegram::mpi
