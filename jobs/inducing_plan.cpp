#include "jobs/inducing_plan.hpp"

#include <cblas.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "jobs/dkm_plan.hpp"
#include "jobs/inducing_model.hpp"
#include "jobs/units.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Share of the matrix products' rate that a step reaches: the rest goes into maps, norms and what they wait
/// for (bench_dkm_step).
constexpr double usual_share = 0.5;
/// Vectors of all parameters: they, the gradient, Adam's moments, the best ones, sums of the ranks.
constexpr double parameter_vectors = 8;

Index batch_of(const DkmSection& dkm, GlobalIndex n) {
  return dkm.is_adam() ? std::min<Index>(dkm.batch, n) : n;
}

template <class Real>
InducingPlan plan_of(const CommandContext& context, const JobOutline& outline, dkm::Keep keep) {
  const DkmSection& dkm = context.job->dkm;
  const Index ranks = context.comm.size();
  const dkm::Model<Real> model(inducing_spec(dkm, outline.shape, 1), keep);
  const auto n = static_cast<double>(outline.train_samples);
  const double features = static_cast<double>(outline.shape.features());
  InducingPlan plan;
  plan.keep = keep;
  for (const dkm::Slice& slice : model.parameters()) {
    plan.parameters += slice.count();
    if (slice.name == "output: mu") plan.top_points = slice.rows;
  }
  plan.parameters -= plan.top_points;
  const double parameter_bytes = 8.0 * static_cast<double>(plan.parameters);
  plan.flops = n * model.flops_a_sample();
  const Index batch = batch_of(dkm, outline.train_samples);
  plan.steps = static_cast<double>(ceil_div(outline.train_samples, batch));
  plan.chain_flops = model.flops_a_step();
  const Index share = ceil_div(batch, ranks);
  const double held = static_cast<double>(ceil_div(outline.train_samples + outline.test_samples, ranks));
  const double whitening = dkm.zca ? 3 * features * features + held * features : 0.0;
  const double vectors = dkm.is_adam()
                             ? parameter_vectors
                             : parameter_vectors + (4 * (dkm_history + 1) + 12) / static_cast<double>(ranks);
  plan.bytes = 8 * features * (held + 2 * static_cast<double>(share)) + 8 * whitening +
               static_cast<double>(model.bytes(share)) + vectors * parameter_bytes;
  plan.file_bytes = 3 * parameter_bytes;
  plan.state_bytes = (dkm.is_adam() ? 4 : 2 * (dkm_history + 1)) * parameter_bytes;
  return plan;
}

InducingPlan plan_of(const CommandContext& context, const JobOutline& outline, dkm::Keep keep) {
  return context.job->dkm.precision == DkmPrecision::float32 ? plan_of<float>(context, outline, keep)
                                                             : plan_of<double>(context, outline, keep);
}

double seconds_of_product(int n, const std::vector<double>& a, std::vector<double>& c) {
  const Timer timer;
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, a.data(), n, 0, c.data(),
              n);
  return timer.seconds();
}
double seconds_of_product(int n, const std::vector<float>& a, std::vector<float>& c) {
  const Timer timer;
  cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, a.data(), n, 0, c.data(),
              n);
  return timer.seconds();
}

/// Flops a second of all ranks together, all at work at once.
template <class Real>
double product_rate(const mpi::Communicator& comm) {
  constexpr int n = 1000;
  const std::vector<Real> a(std::size_t{n} * n, Real{0.5});
  std::vector<Real> c(a.size());
  seconds_of_product(n, a, c);  // warms up
  comm.barrier();
  return comm.size() * 2.0 * n * n * n / comm.max(seconds_of_product(n, a, c));
}

std::string batches_text(const DkmSection& dkm) {
  std::string text = fmt::format("{} epochs in batches of {}, rate {:g}", dkm.epochs, dkm.batch, dkm.rate);
  if (!dkm.schedule.empty()) text += fmt::format(", a tenth after {}", fmt::join(dkm.schedule, ", "));
  if (dkm.validation > 0) text += fmt::format("; {:g} % held out", 100 * dkm.validation);
  return text;
}

}  // namespace

InducingPlan make_inducing_plan(const CommandContext& context, const JobOutline& outline) {
  const double allowed = memory_allowance(context).bytes;
  return mpi::collectively(context.comm, [&] {
    const InducingPlan plan = plan_of(context, outline, dkm::Keep::expensive);
    return plan.bytes <= allowed ? plan : plan_of(context, outline, dkm::Keep::least);
  });
}

void check_inducing_plan(const CommandContext& context, const JobOutline& outline) {
  const Job& job = *context.job;
  if (job.dkm.is_convolutional() && job.data.augment != Augment::none)
    throw mpi::CollectiveError(ExitCode::usage,
                               "data.augment doubles the training set: a convolutional deep kernel machine "
                               "mirrors images anew every epoch, by dkm.flip = true");
  if (job.dkm.is_convolutional() && outline.shape.is_vector())
    throw mpi::CollectiveError(ExitCode::usage,
                               "dkm.kind = \"convolutional\" needs images, and the samples are vectors: take "
                               "\"sparse\"");
  const Index held_out = dkm::held_out(outline.train_samples, job.dkm.is_adam() ? job.dkm.validation : 0);
  const Index left = outline.train_samples - held_out;
  if (!job.dkm.is_convolutional() && job.dkm.inducing > left)
    throw mpi::CollectiveError(
        ExitCode::usage,
        fmt::format("dkm.inducing = {} is more than the {} training samples{}: take fewer", job.dkm.inducing,
                    left,
                    held_out > 0 ? fmt::format(" that are not held out ({} are)", held_out) : std::string()));
  const InducingPlan plan = make_inducing_plan(context, outline);
  const MemoryAllowance allowed = memory_allowance(context);
  if (plan.bytes <= allowed.bytes) return;
  throw mpi::CollectiveError(
      ExitCode::usage,
      fmt::format(
          "a {} deep kernel machine ({}) needs {} a rank on {} rank{}, and a rank may use {} ({}): use "
          "{}more ranks, or fewer inducing points",
          to_string(job.dkm.kind), inducing_network_text(job.dkm), readable_bytes(plan.bytes),
          context.comm.size(), context.comm.size() == 1 ? "" : "s", readable_bytes(allowed.bytes),
          allowed.is_limit ? "gram.memory_limit" : "nine tenths of its share of this machine's memory",
          job.dkm.is_adam() ? "a smaller dkm.batch, " : "dkm.optimizer = \"adam\", "));
}

std::string inducing_plan_text(const CommandContext& context, const JobOutline& outline) {
  const DkmSection& dkm = context.job->dkm;
  const InducingPlan plan = make_inducing_plan(context, outline);
  const double rate = dkm.precision == DkmPrecision::float32 ? product_rate<float>(context.comm)
                                                             : product_rate<double>(context.comm);
  const MemoryAllowance allowed = memory_allowance(context);
  std::string text =
      fmt::format("\ndeep kernel machine: {}, {}, nu {}, {} likelihood\n", to_string(dkm.kind),
                  inducing_network_text(dkm), fmt::join(dkm.nu, ", "), to_string(dkm.likelihood));
  const auto line = [&](const char* what, const std::string& value) {
    text += fmt::format("  {:<20}{}\n", what, value);
  };
  line("parameters", fmt::format("{} and {} an output", readable_count(static_cast<double>(plan.parameters)),
                                 plan.top_points));
  line("optimizer", dkm.is_adam()
                        ? "adam: " + batches_text(dkm)
                        : fmt::format("bqnls on all samples, at most {} iterations", dkm.max_iterations));
  // The chain is in double on every rank, at half of the rate of products in float32.
  const double chain_rate = (dkm.precision == DkmPrecision::float32 ? rate / 2 : rate) / context.comm.size();
  const double seconds = (plan.flops / rate + plan.steps * plan.chain_flops / chain_rate) / usual_share;
  line(dkm.is_adam() ? "an epoch" : "an evaluation",
       fmt::format("{} flops in matrix products; on every rank {} more{} for the inducing points",
                   readable_count(plan.flops), readable_count(plan.chain_flops),
                   dkm.is_adam() ? fmt::format(" in each of {:.0f} steps", plan.steps) : std::string()));
  line("", fmt::format("about {} at {:g} of the {} flops a second that such products reach here",
                       readable_seconds(seconds), usual_share, readable_count(rate)));
  line("memory a rank",
       fmt::format("{}{}; it may use {} ({}){}", readable_bytes(plan.bytes),
                   plan.keep == dkm::Keep::least ? ", half of the values worked out twice" : "",
                   readable_bytes(allowed.bytes),
                   allowed.is_limit ? "gram.memory_limit" : "nine tenths of its share of this machine",
                   plan.bytes > allowed.bytes ? ": dkm will refuse" : ""));
  line("dkm.h5", readable_bytes(plan.file_bytes));
  line("dkm-state.h5", readable_bytes(plan.state_bytes));
  return text;
}

}  // namespace widegram::jobs
