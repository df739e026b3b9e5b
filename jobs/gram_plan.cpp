#include "jobs/gram_plan.hpp"

#include <fmt/format.h>

#include "jobs/memory.hpp"
#include "jobs/problem.hpp"
#include "jobs/ridge_selection.hpp"
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

Index solver_entry_bytes(const Job& job) {
  if (job.gram.mode != GramMode::stored) return 0;
  return static_cast<Index>(sizeof(double) * (1.0 + matrices_beside_the_gram(job.solve)));
}

MemoryAllowance memory_allowance(const CommandContext& context) {
  constexpr double usable = 0.9;
  if (const std::optional<Bytes>& limit = context.job->gram.memory_limit)
    return {static_cast<double>(limit->value), true};
  return {usable * static_cast<double>(memory_share_bytes(context.comm)), false};
}

void check_plan(const CommandContext& context, const gram::Plan& plan) {
  const gram::Layout& layout = plan.layout;
  if (plan.matrix_entry_bytes > 0)
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
          ranks > 0 ? fmt::format("use at least {} ranks with as much memory each, or fewer samples", ranks)
                    : "no number of ranks would do, as some of it is the same on each; use fewer samples, or "
                      "a larger "
                      "gram.tile"));
}

}  // namespace widegram::jobs
