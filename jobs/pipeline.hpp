#pragma once

#include <string>

#include "jobs/commands/commands.hpp"

namespace widegram::jobs {

/// The parts of the main job that a command runs, in this order. A part that comes later finds what the
/// earlier ones have left in the output folder.
struct Parts {
  bool gram = false;      ///< gram.h5, complete
  bool solve = false;     ///< model.h5
  bool predict = false;   ///< predictions.h5
  bool spectrum = false;  ///< spectrum.h5; without solve, as both take the Gram over
  bool dynamics = false;  ///< dynamics.h5; likewise
};

/// Whether the parts make predictions with variances. Local.
bool wants_variance(const Job& job, const Parts& parts);

/// What in the job does not go together for these parts, and the mend; empty where all does. Local.
std::string clash(const Job& job, const Parts& parts);

/// Collective. Opens the output folder, loads the data, runs the parts, writes metrics.json.
ExitCode run_parts(const CommandContext& context, const Parts& parts);

}  // namespace widegram::jobs
