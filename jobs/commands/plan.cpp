#include <fmt/format.h>

#include <memory>
#include <span>
#include <vector>

#include "jobs/commands/commands.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/kernel_seconds.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/plan_table.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// What an entry takes here. Collective.
template <class Real>
void measure(const CommandContext& context, PlanSubject& subject) {
  const Job& job = *context.job;
  const GramFamily family = gram_family(job.kernel);
  const auto engine = mpi::collectively(context.comm, [&] {
    return kernels::make_engine<Real>(std::span<const kernels::Network>(family.networks),
                                      subject.outline.shape, job.gram.tile);
  });
  subject.kernel = kernel_cost(job, subject.outline, *engine, family);
  subject.tiles = measure_kernel(context.comm, job, subject.outline.shape, *engine, family);
}

}  // namespace

ExitCode plan_command(const CommandContext& context) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const PlanOptions& options = context.line.plan;
  if (job.kernel.network.empty() && job.dkm.kind != DkmKind::full)
    throw mpi::CollectiveError(
        ExitCode::usage,
        "plan knows deep kernel machines of the kind \"full\" and Gram matrices alone; "
        "`widegram describe` says what this one takes on the ranks it is started on");
  PlanSubject subject{.job = job, .outline = outline_job(context)};
  if (options.size) subject.outline.train_samples = *options.size;
  make_output_folder(comm, job);
  subject.node = measure_node(comm, job.output);
  if (!options.node_file.empty())
    mpi::collectively(comm, [&] { read_node(options.node_file, subject.node); });
  if (!job.kernel.network.empty()) {
    if (job.kernel.precision == io::Precision::float32)
      measure<float>(context, subject);
    else
      measure<double>(context, subject);
  }
  mpi::on_root(comm, [&] {
    const Index ranks_a_node = options.ranks_a_node.value_or(subject.node.cores);
    std::vector<PlanPoint> points;
    for (const Index nodes : node_counts(options.first_nodes, options.last_nodes))
      points.push_back(plan_point(subject, nodes, ranks_a_node));
    std::vector<PlanError> errors;
    if (!options.points.empty()) errors = compare_with_points(subject, options.points);
    write_text_file(in_output(job, "plan.json"), to_json(subject, points, errors).dump(2) + "\n");
    fmt::print("{}{}\n", to_text(subject, points, errors), in_output(job, "plan.json"));
  });
  return ExitCode::done;
}

}  // namespace widegram::jobs
