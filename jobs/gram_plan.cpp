#include "jobs/gram_plan.hpp"

#include <fmt/format.h>

#include "jobs/memory.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {

void check_memory(const CommandContext& context, const gram::Plan& plan) {
  const std::optional<Bytes>& limit = context.job->gram.memory_limit;
  const double allowed = static_cast<double>(limit ? limit->value : memory_share_bytes(context.comm));
  const double needed = plan.bytes.total();
  if (needed <= allowed) return;
  const Index ranks = plan.ranks_that_fit(allowed);
  throw mpi::CollectiveError(
      ExitCode::usage,
      fmt::format("{} samples on {} ranks need {} a rank, and a rank may use {} ({}): {}", plan.layout.n,
                  context.comm.size(), readable_bytes(needed), readable_bytes(allowed),
                  limit ? "gram.memory_limit" : "its share of this machine's memory",
                  ranks > 0
                      ? fmt::format("use at least {} ranks with as much memory each, or fewer samples", ranks)
                      : "use fewer samples or features: one sample's share alone does not fit"));
}

}  // namespace widegram::jobs
