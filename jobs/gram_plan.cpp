#include "jobs/gram_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "jobs/cross_tiles.hpp"
#include "jobs/dynamics_stage.hpp"
#include "jobs/evidence.hpp"
#include "jobs/memory.hpp"
#include "jobs/problem.hpp"
#include "jobs/ridge_selection.hpp"
#include "jobs/spectrum_stage.hpp"
#include "jobs/variance_stage.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

JobOutline outline_job(const CommandContext& context) {
  const DataSection& data = context.job->data;
  io::DataOutline train = io::outline_data(context.comm, training_spec(data));
  if (data.augment == Augment::flip) {
    if (train.shape.width < 2)
      throw mpi::CollectiveError(
          ExitCode::usage,
          fmt::format("data.augment = \"flip\" needs images, but a sample of {} has {}: take it out",
                      data.train, to_string(train.shape)));
    train.samples *= 2;
  }
  const GlobalIndex tests = data.test.empty() ? 0 : io::outline_data(context.comm, test_spec(data)).samples;
  return {train.shape, train.samples, tests};
}

gram::SolverBytes solver_bytes(const Job& job, const Parts& parts, const JobOutline& outline) {
  gram::SolverBytes bytes;
  const bool variance = wants_variance(job, parts);
  if (parts.spectrum) {
    bytes.matrix_entry = spectrum_entry_bytes(job, outline.train_samples);
  } else if (parts.dynamics) {
    bytes.matrix_entry = dynamics_entry_bytes(job, outline.train_samples);
  } else if ((parts.solve || variance) && job.gram.mode == GramMode::stored) {
    SolveSection solve = job.solve;
    if (!parts.solve) solve.ridges.clear();
    if (variance || solve.evidence) solve.precision = SolvePrecision::float64;
    bytes.matrix_entry = static_cast<Index>(sizeof(double) * (1.0 + matrices_beside_the_gram(solve)));
  }
  const bool evidence = parts.solve && job.solve.evidence && !factors_gram(job);
  const bool by_cg = (parts.solve || variance) && !factors_gram(job);
  if (parts.dynamics && job.dynamics.variance)
    bytes.vectors = [=, m = outline.test_samples](const gram::Layout& layout) {
      // W T stands on every rank, as a whole and in parts.
      const auto stretch = static_cast<double>(std::min<Index>(test_stretch(layout), m));
      return variance_bytes(job, layout, m) + 2 * sizeof(double) * stretch * static_cast<double>(layout.n);
    };
  if (variance || by_cg)
    bytes.vectors = [=, m = outline.test_samples](const gram::Layout& layout) {
      const double estimating = evidence ? evidence_bytes(layout.n) / layout.grid.size() : 0.0;
      return (by_cg ? cg_bytes(job, layout) : 0.0) +
             std::max(estimating, variance ? variance_bytes(job, layout, m) : 0.0);
    };
  return bytes;
}

MemoryAllowance memory_allowance(const CommandContext& context) {
  constexpr double usable = 0.9;
  if (const std::optional<Bytes>& limit = context.job->gram.memory_limit)
    return {static_cast<double>(limit->value), true};
  return {usable * static_cast<double>(memory_share_bytes(context.comm)), false};
}

void check_plan(const CommandContext& context, const gram::Plan& plan) {
  const gram::Layout& layout = plan.layout;
  if (plan.solver.matrix_entry > 0)
    mpi::collectively(context.comm,
                      [&] { dist::check_local_entries(layout.grid, layout.n, layout.n, layout.block); });
  const MemoryAllowance allowed = memory_allowance(context);
  const double needed = plan.bytes.total();
  if (needed <= allowed.bytes) return;
  const Index ranks = plan.ranks_that_fit(allowed.bytes);
  throw mpi::CollectiveError(
      ExitCode::usage,
      fmt::format(
          "{} samples on {} rank{} need {} a rank, and a rank may use {} ({}): {}", layout.n,
          context.comm.size(), context.comm.size() == 1 ? "" : "s", readable_bytes(needed),
          readable_bytes(allowed.bytes),
          allowed.is_limit ? "gram.memory_limit" : "nine tenths of its share of this machine's memory",
          (ranks > 0
               ? fmt::format("use at least {} ranks with as much memory each, or fewer samples", ranks)
               : "no number of ranks would do, as some of it is the same on each; use fewer samples, or "
                 "a larger gram.tile") +
              (plan.solver.matrix_entry > 0 && context.job->gram.mode == GramMode::stored
                   ? "; gram.mode = \"out-of-core\" or \"recompute\" takes no matrix into memory"
                   : "")));
}

}  // namespace widegram::jobs
