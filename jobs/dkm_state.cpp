#include "jobs/dkm_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "jobs/output_folder.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

bool has_dkm_of(const CommandContext& context, const std::string& problem) {
  const std::string path = in_output(*context.job, "dkm.h5");
  const auto found = io::read_dkm_problem(context.comm, path);
  if (found && *found != problem)
    context.progress.warn(
        fmt::format("{} is of another machine (data, kernel, nu, ...): it is replaced", path));
  return found && *found == problem;
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
