#include "jobs/dkm_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "jobs/gram_plan.hpp"
#include "jobs/units.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Matrices of n x n numbers while training, see FullObjective, FullCoordinates and solvers::minimize(); a
/// vector of the optimiser is half a matrix a layer.
double matrices(Index layers) {
  const auto l = static_cast<double>(layers);
  const double objective = 3 * l + 2;
  const double parameters_and_gradient = 2 * l;
  const double whitening = l;
  const double vectors = 4 * (dkm_history + 1) + 12;
  return objective + parameters_and_gradient + whitening + 0.5 * vectors * l + 2;
}

}  // namespace

DkmPlan make_dkm_plan(const DkmSection& dkm, GlobalIndex n, Index features, dist::GridShape grid) {
  const auto size = static_cast<double>(n);
  const auto layers = static_cast<double>(dkm.depth);
  const auto held = static_cast<double>(dist::most_local_entries(grid, n, n, dist::default_block));
  const auto inputs = static_cast<double>(dist::most_local_entries(grid, n, features, dist::default_block));
  const auto in_file = static_cast<double>(ceil_div(n, dist::default_block) * dist::default_block);
  const double matrix_bytes = 8 * in_file * in_file;  // whole blocks
  return {
      .n = n,
      .layers = dkm.depth,
      .parameters = dkm.depth * n * (n + 1) / 2 + (dkm.learn_noise ? 1 : 0) + (dkm.learn_nu ? dkm.depth : 0),
      .flops = 8 * layers * size * size * size,
      .bytes = 8 * (matrices(dkm.depth) * held + 2 * inputs),
      .file_bytes = layers * matrix_bytes,
      .state_bytes = 2 * layers * (dkm_history + 1) * matrix_bytes};
}

void check_dkm_plan(const CommandContext& context, const DkmPlan& plan, Index features) {
  const int ranks = context.comm.size();
  mpi::collectively(context.comm, [&] {
    dist::check_local_entries(dist::GridShape::square(ranks), plan.n, plan.n, dist::default_block);
  });
  const MemoryAllowance allowed = memory_allowance(context);
  if (plan.bytes <= allowed.bytes) return;
  int enough = ranks;
  constexpr int most = 1 << 20;
  const auto bytes = [&](int count) {
    return make_dkm_plan(context.job->dkm, plan.n, features, dist::GridShape::square(count)).bytes;
  };
  while (enough < most && bytes(enough) > allowed.bytes) enough += enough < 64 ? 1 : enough / 8;
  throw mpi::CollectiveError(
      ExitCode::usage,
      fmt::format(
          "a full deep kernel machine of {} layers on {} samples needs {} a rank on {} rank{}, and a rank "
          "may "
          "use {} ({}): use about {} ranks with as much memory each, fewer layers or fewer samples",
          plan.layers, plan.n, readable_bytes(plan.bytes), ranks, ranks == 1 ? "" : "s",
          readable_bytes(allowed.bytes),
          allowed.is_limit ? "gram.memory_limit" : "nine tenths of its share of this machine's memory",
          enough));
}

std::string to_text(const DkmPlan& plan, const DkmSection& dkm, double factorisation_seconds) {
  std::string text = fmt::format("\ndeep kernel machine: {}, kernel {}, {} layer{}, nu {}, noise {:g}\n",
                                 to_string(dkm.kind), dkm.kernel_toml, plan.layers,
                                 plan.layers == 1 ? "" : "s", fmt::join(dkm.layer_nu(), ", "), dkm.noise);
  const auto line = [&](const char* what, const std::string& value) {
    text += fmt::format("  {:<20}{}\n", what, value);
  };
  line("parameters",
       fmt::format("{}: the lower triangles of {} factors of {} x {}",
                   readable_count(static_cast<double>(plan.parameters)), plan.layers, plan.n, plan.n));
  line("an evaluation",
       fmt::format("{} flops, of the objective with its gradient; about {} by the factorisations timed here; "
                   "about one an iteration",
                   readable_count(plan.flops),
                   readable_seconds(plan.factorisations() * factorisation_seconds)));
  line("memory a rank", readable_bytes(plan.bytes));
  line("dkm.h5", readable_bytes(plan.file_bytes));
  line("dkm-state.h5", fmt::format("{}, while training", readable_bytes(plan.state_bytes)));
  return text;
}

}  // namespace widegram::jobs
