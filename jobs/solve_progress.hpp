#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "jobs/commands/commands.hpp"
#include "solvers/observer.hpp"
#include "src/base/timer.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {

/// Says how far a solver has come.
class SolveProgress {
 public:
  SolveProgress(Progress& progress, std::string title, std::string unit)
      : progress_(progress), title_(std::move(title)), unit_(std::move(unit)) {}
  /// Each piece of work that it hears the start of is a phase of its own.
  solvers::WorkObserver observer() {
    return [this](Index done, Index total) {
      if (!phase_) phase_.emplace(progress_, title_, total, unit_);
      phase_->update(done);
      if (done < total) return;
      phase_->finish();
      phase_.reset();
    };
  }

 private:
  Progress& progress_;
  std::string title_;
  std::string unit_;
  std::optional<Phase> phase_;
};

/// Whether to stop, asked once an iteration: one that might pass the time limit is not begun.
class IterationStop {
 public:
  explicit IterationStop(const mpi::StopRequest& stop) : stop_(stop) {}
  bool operator()() {
    if (asked_) longest_ = std::max(longest_, since_.seconds());
    asked_ = true;
    since_ = Timer();
    return !stop_.reason(longest_).empty();
  }
  double longest() const { return longest_; }

 private:
  const mpi::StopRequest& stop_;
  Timer since_;
  double longest_ = 0;
  bool asked_ = false;
};

/// Collective. What `work` returns. A solver that was stopped knows how far it has come, and not why it was
/// to stop: its message gets the reason.
template <class F>
auto telling_why(const CommandContext& context, const IterationStop& stop, F&& work) {
  try {
    return work();
  } catch (const mpi::CollectiveError& error) {
    if (error.code() != ExitCode::stopped) throw;
    const std::string what = error.what();
    throw mpi::CollectiveError(ExitCode::stopped,
                               "stopped early (" +
                                   mpi::agreed_reason(context.comm, context.stop, stop.longest()) + ")" +
                                   what.substr(what.find(':')));
  }
}

}  // namespace widegram::jobs
