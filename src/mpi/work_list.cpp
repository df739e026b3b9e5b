#include "src/mpi/work_list.hpp"

#include "src/base/timer.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/heartbeat.hpp"

namespace widegram::mpi {

double work_through(const Communicator& comm, Index count, const std::function<void(Index)>& work,
                    const std::function<void(Index)>& observe) {
  constexpr double seconds_between_beats = 0.5;
  Heartbeat heart(comm, seconds_between_beats);
  const Timer timer;
  Index done = 0;
  Index reported = 0;
  const auto report = [&](const Pulse& pulse) {
    if (observe && pulse.done != reported) observe(reported = pulse.done);
  };
  const std::optional<Error> error = capture(comm, [&] {
    while (done < count) {
      work(done++);
      const Pulse& pulse = heart.beat(done);
      report(pulse);
      if (pulse.failed > 0) break;
    }
  });
  const double seconds = timer.seconds();
  report(heart.drain(done, error.has_value()));
  agree(comm, error);
  return seconds;
}

}  // namespace widegram::mpi
