#pragma once

#include "jobs/commands/commands.hpp"
#include "src/gram/plan.hpp"

namespace widegram::jobs {

/// The plan of a Gram by this engine; with the matrix that a solver works on, or tiles that go to the file
/// alone.
template <class Real>
gram::Plan make_plan(const gram::Layout& layout, GlobalIndex test_samples,
                     const kernels::Engine<Real>& engine, const SampleShape& shape, bool fills_matrix) {
  const gram::KernelCost cost{.shape = shape,
                              .flops_per_entry = engine.flops_per_entry(),
                              .bytes_per_sample = engine.bytes_per_sample(),
                              .entry_bytes = static_cast<Index>(sizeof(Real))};
  return gram::make_plan(layout, test_samples, cost, fills_matrix ? static_cast<Index>(sizeof(double)) : 0);
}

/// Collective. Throws CollectiveError(usage) where the plan needs more memory than a rank may use
/// (gram.memory_limit, or its share of the machine), saying how many ranks would do.
void check_memory(const CommandContext& context, const gram::Plan& plan);

}  // namespace widegram::jobs
