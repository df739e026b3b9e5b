#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "jobs/commands/commands.hpp"
#include "jobs/dkm_plan.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/inducing_plan.hpp"
#include "jobs/kernel_seconds.hpp"
#include "jobs/method_choice.hpp"
#include "jobs/pipeline.hpp"
#include "solvers/solver_seconds.hpp"
#include "src/kernels/canonical.hpp"
#include "src/kernels/precision_note.hpp"
#include "src/kernels/shapes.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// What `run` does.
constexpr Parts main_job{.gram = true, .solve = true, .predict = true};

std::string shape_text(const SampleShape& shape) {
  if (shape.channels > 0) return to_string(shape);
  return shape.is_vector() ? "infinitely wide" : fmt::format("wide x {} x {}", shape.height, shape.width);
}

std::string network_table(const kernels::Network& network, const SampleShape& input) {
  std::string text = fmt::format("  {:<54}{:>20}{:>16}\n", "layer", "output", "flops an entry");
  text += fmt::format("  {:<54}{:>20}{:>16}\n", "input", to_string(input), "");
  for (const kernels::LayerReport& layer : kernels::check_shapes(network, input))
    text += fmt::format("  {:<54}{:>20}{:>16}\n",
                        std::string(static_cast<std::size_t>(2 * layer.depth), ' ') + layer.name,
                        shape_text(layer.output), readable_count(layer.flops_per_entry));
  return text;
}

/// The files by name, what they take and what they look like.
std::string files_text(const gram::Plan& plan, const std::vector<std::string>& files) {
  const auto count = static_cast<double>(files.size());
  const std::string bytes =
      fmt::format("{} on disk; {} size shows {}, the whole square", readable_bytes(count * plan.file_bytes),
                  count > 1 ? "their" : "its", readable_bytes(count * plan.file_size));
  return count > 1 ? fmt::format("{}: {}", fmt::join(files, ", "), bytes) : bytes;
}

/// What single precision does to the job's entries; worked out on the root, empty elsewhere.
std::string float32_note(const CommandContext& context, const GramFamily& family, const SampleShape& shape) {
  const KernelSection& kernel = context.job->kernel;
  std::vector<kernels::Function> functions{kernel.function};
  if (kernel.both) functions = {kernels::Function::nngp, kernels::Function::ntk};
  std::string note;
  mpi::on_root(context.comm, [&] { note = kernels::precision_note(family.networks, functions, shape); });
  return note;
}

/// note: see float32_note(); none where entries are in double.
std::string plan_text(const gram::Plan& plan, GramMode mode, const std::string& engine,
                      const std::optional<std::string>& note, const std::vector<std::string>& files,
                      const gram::TileSeconds& seconds, const MemoryAllowance& allowed) {
  const gram::Layout& layout = plan.layout;
  const double tile_entries = static_cast<double>(layout.tile * layout.tile);
  std::string text;
  const auto line = [&](const char* what, const std::string& value) {
    text += fmt::format("  {:<20}{}\n", what, value);
  };
  line("engine", engine);
  line("entries",
       fmt::format("{} training, {} test x training", readable_count(static_cast<double>(plan.train_entries)),
                   readable_count(static_cast<double>(plan.test_entries))));
  line("an entry",
       fmt::format("{} flops, {:.3g} us measured here{}", readable_count(plan.kernel.flops_per_entry),
                   1e6 * seconds.train / tile_entries,
                   files.size() > 1 ? fmt::format(", of all {} files together", files.size()) : ""));
  line("preparing", fmt::format("{:.3g} ms a sample", 1e3 * seconds.sample));
  if (plan.kernel.flops_per_test_entry != plan.kernel.flops_per_entry)
    line("",
         fmt::format("without mirror images: {} flops, {:.3g} us",
                     readable_count(plan.kernel.flops_per_test_entry), 1e6 * seconds.test / tile_entries));
  if (note) line("float32", *note);
  line("work", fmt::format("{} flops", readable_count(plan.flops)));
  line("ranks", fmt::format("{} ({} x {}), blocks of {}, tiles of {}, busiest rank {:.3f} of the mean",
                            layout.grid.size(), layout.grid.rows, layout.grid.cols, layout.block, layout.tile,
                            plan.imbalance));
  line("memory a rank",
       fmt::format("{} = matrix {} + inputs {} + prepared {} + records {} + scratch {}{}",
                   readable_bytes(plan.bytes.total()), readable_bytes(plan.bytes.matrix),
                   readable_bytes(plan.bytes.inputs), readable_bytes(plan.bytes.prepared),
                   readable_bytes(plan.bytes.records), readable_bytes(plan.bytes.scratch),
                   plan.bytes.vectors > 0 ? " + vectors " + readable_bytes(plan.bytes.vectors) : ""));
  line("", fmt::format("it may use {} ({}){}", readable_bytes(allowed.bytes),
                       allowed.is_limit ? "gram.memory_limit" : "nine tenths of its share of this machine",
                       plan.bytes.total() > allowed.bytes ? ": run will refuse" : ""));
  const std::string assembly =
      fmt::format("about {}", readable_seconds(gram::assembly_seconds(plan, seconds)));
  if (mode == GramMode::recompute) {
    line("gram.h5", "none: gram.mode = \"recompute\"");
    line("an iteration", assembly + ", for it computes the Gram anew");
  } else {
    line(files.size() > 1 ? "files" : "gram.h5", files_text(plan, files));
    line("assembly", assembly);
  }
  return text;
}

template <class Real>
std::string plan_of(const CommandContext& context, const JobOutline& outline) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const GramFamily family = gram_family(job.kernel);
  const auto engine = mpi::collectively(comm, [&] {
    return kernels::make_engine<Real>(std::span<const kernels::Network>(family.networks), outline.shape,
                                      job.gram.tile);
  });
  const MethodChoice choice = choose_method(context, main_job, job_layout(context, outline));
  const gram::Plan plan = make_plan<Real>(context, outline, *engine, family,
                                          solver_bytes(with_method(job, choice), main_job, outline));
  const gram::TileSeconds seconds = measure_kernel(comm, job, outline.shape, *engine, family);
  std::optional<std::string> note;
  if constexpr (std::is_same_v<Real, float>) note = float32_note(context, family, outline.shape);
  return plan_text(plan, job.gram.mode, engine->name(), note, family.files(), seconds,
                   memory_allowance(context)) +
         fmt::format("  {:<20}{}\n", "solve", to_text(choice, job.solve, outline.train_samples));
}

}  // namespace

namespace {

std::string sets_text(const Job& job, const JobOutline& outline) {
  std::string text = fmt::format("  train {}: {} samples{}\n", job.data.train, outline.train_samples,
                                 job.data.augment == Augment::flip ? ", every other one a mirror image" : "");
  if (outline.test_samples > 0)
    text += fmt::format("  test  {}: {} samples\n", job.data.test, outline.test_samples);
  return text;
}

/// Collective. What training the job's deep kernel machine takes; empty where it has none.
std::string dkm_text(const CommandContext& context, const JobOutline& outline) {
  const DkmSection& dkm = context.job->dkm;
  if (!dkm.given) return {};
  if (!dkm.is_full()) return inducing_plan_text(context, outline);
  const dist::ProcessGrid grid = dist::ProcessGrid::square(context.comm);
  const GlobalIndex n = outline.train_samples;
  const solvers::SolverSeconds seconds =
      solvers::measure_solver_seconds(grid, n, dist::default_block, usual_columns);
  return to_text(make_dkm_plan(dkm, n, outline.shape.features(), grid.shape()), dkm, seconds.factor);
}

}  // namespace

ExitCode describe_command(const CommandContext& context) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const JobOutline outline = outline_job(context);
  const std::string dkm = dkm_text(context, outline);
  if (job.kernel.network.empty()) {
    mpi::on_root(comm, [&] { fmt::print("{}\n{}{}", job.name, sets_text(job, outline), dkm); });
    return ExitCode::done;
  }
  const std::string network =
      mpi::collectively(comm, [&] { return network_table(job.kernel.network, outline.shape); });
  const std::string refused = clash(job, main_job);
  const std::string plan = job.kernel.precision == io::Precision::float32 ? plan_of<float>(context, outline)
                                                                          : plan_of<double>(context, outline);
  mpi::on_root(comm, [&] {
    const bool ntk = job.kernel.function == kernels::Function::ntk;
    fmt::print("{}: {} of {}\n{}", job.name,
               job.kernel.both ? "NNGP and NTK"
               : ntk           ? "NTK"
                               : "NNGP",
               job.kernel.preset.empty() ? "the job's layers" : job.kernel.preset, sets_text(job, outline));
    if (!job.kernel.depths.empty())
      fmt::print("  depths {}; gram.h5 and the model: {}\n", fmt::join(job.kernel.depths, ", "),
                 *job.kernel.depth);
    if (!refused.empty()) fmt::print("  run will refuse: {}\n", refused);
    fmt::print("\nnetwork: {}\n{}\nplan\n{}{}", kernels::canonical(job.kernel.network), network, plan, dkm);
  });
  return ExitCode::done;
}

}  // namespace widegram::jobs
