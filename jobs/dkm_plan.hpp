#pragma once

#include <string>

#include "jobs/commands/commands.hpp"
#include "src/dist/layout.hpp"

namespace widegram::jobs {

/// Curvature pairs that the optimiser keeps.
inline constexpr Index dkm_history = 5;

/// What training a full-rank deep kernel machine takes.
struct DkmPlan {
  GlobalIndex n = 0;
  Index layers = 0;
  Index parameters = 0;    ///< entries of the factors, and what else is learned
  double flops = 0;        ///< of an objective with its gradient
  double bytes = 0;        ///< on the rank that holds most
  double file_bytes = 0;   ///< dkm.h5
  double state_bytes = 0;  ///< what a run that stops leaves to go on from

  /// An evaluation in Cholesky factorisations of as many flops.
  double factorisations() const {
    const auto size = static_cast<double>(n);
    return flops / (size * size * size / 3);
  }
};

/// features: of a sample.
DkmPlan make_dkm_plan(const DkmSection& dkm, GlobalIndex n, Index features, dist::GridShape grid);

/// Collective. Throws CollectiveError(usage) where a rank would need more memory than it may use, saying how
/// many ranks would do, or hold more entries of a matrix than ScaLAPACK can address.
void check_dkm_plan(const CommandContext& context, const DkmPlan& plan, Index features);

/// For describe. factorisation_seconds: of a Cholesky factorisation of such a matrix.
std::string to_text(const DkmPlan& plan, const DkmSection& dkm, double factorisation_seconds);

}  // namespace widegram::jobs
