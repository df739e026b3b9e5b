#include "src/mpi/work_list.hpp"

#include <algorithm>
#include <optional>

#include "src/base/timer.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/heartbeat.hpp"
#include "src/mpi/waiting.hpp"

namespace widegram::mpi {

WorkDone work_through(const Communicator& comm, Index count, const std::function<void(Index)>& work,
                      const WorkOptions& options) {
  constexpr double seconds_between_beats = 0.5;
  double longest = 0;
  const auto wants_stop = [&] { return options.stop != nullptr && !options.stop->reason(longest).empty(); };
  Heartbeat heart(comm, seconds_between_beats, wants_stop);
  const Timer timer;
  Index done = 0;
  Index reported = 0;
  const auto report = [&](const Pulse& pulse) {
    if (options.observe && pulse.done != reported) options.observe(reported = pulse.done);
  };
  // What was asked for before the work began needs no piece of it. Where one rank knows, the others hear of
  // it.
  const std::optional<Error> error = capture(comm, [&] {
    for (bool stop = wants_stop(); done < count && !stop;) {
      const Timer piece;
      work(done++);
      longest = std::max(longest, piece.seconds());
      const Pulse& pulse = heart.beat(done);
      report(pulse);
      stop = pulse.failed > 0 || pulse.stopping > 0 || wants_stop();
    }
  });
  WorkDone result;
  result.seconds = timer.seconds();
  {
    const Waiting for_the_others;
    report(heart.drain(done, error.has_value()));
  }
  agree(comm, error);
  if (comm.max(done < count ? 1 : 0) != 0) result.stopped = agreed_reason(comm, *options.stop, longest);
  return result;
}

}  // namespace widegram::mpi
