#pragma once

#include <string>

#include "io/dkm_file.hpp"
#include "jobs/commands/commands.hpp"
#include "jobs/metrics.hpp"
#include "solvers/tao.hpp"

namespace widegram::jobs {

/// Collective. Whether dkm.h5 of the output folder is there and of this problem; warns where it is of
/// another, whose file will be replaced.
bool has_dkm_of(const CommandContext& context, const std::string& problem);

/// Collective. Warns where a state lies at `path` that is none of this problem's: it will be replaced.
void warn_of_other_state(const CommandContext& context, const std::string& path);

/// Throws CollectiveError(files): the state is of this problem, but its numbers are not.
[[noreturn]] void refuse_state(const std::string& path);

/// How fast a run of TAO was.
struct TaoPace {
  Index resumed = 0;      ///< iterations of runs before
  double before = 0;      ///< their seconds
  double here = 0;        ///< seconds of this one
  double evaluating = 0;  ///< of them
};
void write_pace(Json& section, const solvers::TaoResult& result, const TaoPace& pace);

/// Whether a machine that ended so is trained as well as the job asks for, by bqnls.
bool is_trained(const std::string& end, double tolerance, Index iterations, const DkmSection& dkm);

/// When to stop and when to save while a machine is trained, asked between two steps; collective.
class TrainingClock {
 public:
  enum class Wish { go_on, save, stop };

  explicit TrainingClock(const CommandContext& context) : context_(context) {}

  Wish wish();
  /// Saves, and counts how long it takes: a state takes its time, but never more than a twentieth of the
  /// whole.
  template <class Save>
  void save(Save&& work) {
    const Timer timer;
    work();
    saving_ = context_.comm.max(timer.seconds());
    since_saved_ = Timer();
  }
  /// Throws CollectiveError(stopped): "training had done DONE, its state is saved".
  [[noreturn]] void stop(const std::string& done) const;

 private:
  const CommandContext& context_;
  std::string why_;
  Timer since_saved_;
  Timer since_asked_;
  double saving_ = 0;
  double longest_ = 0;
  bool asked_ = false;
};

}  // namespace widegram::jobs
