#pragma once

#include "io/data_outline.hpp"
#include "jobs/commands/commands.hpp"
#include "jobs/gram_family.hpp"
#include "jobs/pipeline.hpp"
#include "src/gram/plan.hpp"

namespace widegram::jobs {

/// What a job's data are before they are read.
struct JobOutline {
  SampleShape shape;
  GlobalIndex train_samples = 0;  ///< mirror images among them
  GlobalIndex test_samples = 0;
};

/// Collective. Looks at the headers of both sets. Errors are those of outline_data(); CollectiveError(usage)
/// where mirror images are asked for of what are no images.
JobOutline outline_job(const CommandContext& context);

/// What the parts hold in memory beside what assembling takes: matrices like the Gram, and blocks of vectors
/// for variances, for evidence and for conjugate gradients.
gram::SolverBytes solver_bytes(const Job& job, const Parts& parts, const JobOutline& outline);

/// How the job's Gram is cut up and spread.
inline gram::Layout job_layout(const CommandContext& context, const JobOutline& outline) {
  return gram::choose_layout(outline.train_samples, context.job->gram.tile, context.comm.size());
}

/// What an entry of the job's Grams takes by this engine.
template <class Real>
gram::KernelCost kernel_cost(const Job& job, const JobOutline& outline, const kernels::Engine<Real>& engine,
                             const GramFamily& family) {
  return {.shape = outline.shape,
          .flops_per_entry = engine.flops_per_entry(training_order(job.data)),
          .flops_per_test_entry = engine.flops_per_entry(kernels::SampleOrder::single),
          .bytes_per_sample = engine.bytes_per_sample(),
          .tile_bytes = engine.tile_bytes(),
          .entry_bytes = static_cast<Index>(sizeof(Real)),
          .grams = std::ssize(family.members)};
}

/// The plan of the job's Grams by this engine on all ranks; with the matrices that a solver works on, or
/// tiles that go to the file alone.
template <class Real>
gram::Plan make_plan(const CommandContext& context, const JobOutline& outline,
                     const kernels::Engine<Real>& engine, const GramFamily& family,
                     const gram::SolverBytes& solver) {
  return gram::make_plan(job_layout(context, outline), outline.test_samples,
                         kernel_cost(*context.job, outline, engine, family), solver);
}

/// What a rank may plan with.
struct MemoryAllowance {
  double bytes = 0;
  bool is_limit = false;  ///< gram.memory_limit, else its share of the machine (nine tenths of it: the rest
                          ///< is the system's)
};

/// Collective.
MemoryAllowance memory_allowance(const CommandContext& context);

/// Collective. Throws CollectiveError(usage) where the plan needs more memory than a rank may use, saying how
/// many ranks would do, or where a rank's part of the matrix has more entries than ScaLAPACK can address.
void check_plan(const CommandContext& context, const gram::Plan& plan);

}  // namespace widegram::jobs
