#include "io/folder_lock.hpp"
#include "jobs/commands/commands.hpp"
#include "jobs/dkm_plan.hpp"
#include "jobs/dkm_stage.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/inducing_plan.hpp"
#include "jobs/inducing_stage.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/report.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

using Stage = void (*)(const CommandContext&, const Problem&, Metrics&);

/// What trains machines of a kind.
Stage stage_of(DkmKind kind) {
  switch (kind) {
    case DkmKind::full:
      return full_dkm_stage;
    case DkmKind::sparse:
    case DkmKind::convolutional:
      break;
  }
  return inducing_dkm_stage;
}

/// Refuses, before the data are read, what cannot be trained on these ranks.
void check_plan_of(const CommandContext& context, const JobOutline& outline) {
  const DkmSection& dkm = context.job->dkm;
  if (!dkm.is_full()) return check_inducing_plan(context, outline);
  check_dkm_plan(context,
                 make_dkm_plan(dkm, outline.train_samples, outline.shape.features(),
                               dist::GridShape::square(context.comm.size())),
                 outline.shape.features());
}

}  // namespace

ExitCode dkm_command(const CommandContext& context) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  if (!job.dkm.given)
    throw mpi::CollectiveError(ExitCode::usage,
                               "the job has no table [dkm], which says what machine to train: dkm.kind, "
                               "dkm.depth, dkm.nu and so on (widegram --help-job)");
  const Stage stage = stage_of(job.dkm.kind);
  Metrics metrics(comm, job, context.line.command);
  const JobOutline outline = outline_job(context);
  check_plan_of(context, outline);
  const Problem problem = load_problem(context, metrics);
  make_output_folder(comm, job);
  const io::FolderLock lock(comm, job.output);
  if (!lock.remark().empty()) context.progress.warn(lock.remark());
  mpi::stop_if_wanted(comm, context.stop, "nothing was computed");
  claim_output_folder(comm, job);
  try {
    stage(context, problem, metrics);
  } catch (const mpi::CollectiveError& error) {
    if (error.code() != ExitCode::stopped) throw;
    metrics.set("stopped", error.what());
    metrics.write();
    throw;
  }
  metrics.write();
  mpi::on_root(comm, [&] { print_report({job.output}); });
  return ExitCode::done;
}

}  // namespace widegram::jobs
