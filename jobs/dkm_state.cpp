#include "jobs/dkm_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/solver_state.hpp"
#include "jobs/output_folder.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

namespace {

void warn_of_other(const CommandContext& context, const std::string& path) {
  context.progress.warn(
      fmt::format("{} is of another machine (data, kernel, nu, ...): it is replaced", path));
}

}  // namespace

bool has_dkm_of(const CommandContext& context, const std::string& problem) {
  const std::string path = in_output(*context.job, "dkm.h5");
  const auto found = io::read_dkm_problem(context.comm, path);
  if (found && *found != problem) warn_of_other(context, path);
  return found && *found == problem;
}

void warn_of_other_state(const CommandContext& context, const std::string& path) {
  if (io::solver_state_exists(context.comm, path)) warn_of_other(context, path);
}

void refuse_state(const std::string& path) {
  throw mpi::CollectiveError(ExitCode::files,
                             fmt::format("{}: holds no state of this machine: remove it", path));
}

void write_pace(Json& section, const solvers::TaoResult& result, const TaoPace& pace) {
  const Index here = result.iterations - pace.resumed;
  section["resumed_iterations"] = pace.resumed;
  section["evaluations"] = result.evaluations;
  section["refused_evaluations"] = result.refused;
  section["seconds"] = pace.before + pace.here;
  section["seconds_per_iteration"] = here > 0 ? pace.here / static_cast<double>(here) : 0.0;
  section["seconds_per_evaluation"] =
      pace.evaluating / static_cast<double>(std::max<Index>(1, result.evaluations));
}

bool is_trained(const std::string& end, double tolerance, Index iterations, const DkmSection& dkm) {
  const bool as_exact = end == "stalled" || (end == "converged" && tolerance <= dkm.tolerance);
  return as_exact || iterations >= dkm.max_iterations;
}

TrainingClock::Wish TrainingClock::wish() {
  longest_ = asked_ ? std::max(longest_, since_asked_.seconds()) : 0.0;
  asked_ = true;
  since_asked_ = Timer();
  why_ = mpi::agreed_reason(context_.comm, context_.stop, longest_ + saving_);
  if (!why_.empty()) return Wish::stop;
  const double every = std::max(context_.job->gram.checkpoint_every.value, 20 * saving_);
  return context_.comm.max(since_saved_.seconds()) > every ? Wish::save : Wish::go_on;
}

void TrainingClock::stop(const std::string& done) const {
  throw mpi::CollectiveError(
      ExitCode::stopped, fmt::format("stopped early ({}): training had done {}, its state is saved; run the "
                                     "same command again to go on",
                                     why_, done));
}

}  // namespace widegram::jobs
