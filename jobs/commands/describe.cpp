#include <fmt/format.h>

#include <string>

#include "jobs/commands/commands.hpp"
#include "jobs/gram_plan.hpp"
#include "src/kernels/canonical.hpp"
#include "src/kernels/shapes.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

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

std::string plan_text(const gram::Plan& plan, const std::string& engine, double tile_seconds,
                      const MemoryAllowance& allowed) {
  const gram::Layout& layout = plan.layout;
  const double entries = static_cast<double>(plan.train_entries + plan.test_entries);
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
       fmt::format("{} flops, {:.3g} us measured here", readable_count(plan.kernel.flops_per_entry),
                   1e6 * tile_seconds / tile_entries));
  line("work", fmt::format("{} flops", readable_count(entries * plan.kernel.flops_per_entry)));
  line("ranks", fmt::format("{} ({} x {}), blocks of {}, tiles of {}, busiest rank {:.3f} of the mean",
                            layout.grid.size(), layout.grid.rows, layout.grid.cols, layout.block, layout.tile,
                            plan.imbalance));
  line("memory a rank", fmt::format("{} = matrix {} + inputs {} + prepared {} + records {}",
                                    readable_bytes(plan.bytes.total()), readable_bytes(plan.bytes.matrix),
                                    readable_bytes(plan.bytes.inputs), readable_bytes(plan.bytes.prepared),
                                    readable_bytes(plan.bytes.records)));
  line("", fmt::format("it may use {} ({}){}", readable_bytes(allowed.bytes),
                       allowed.is_limit ? "gram.memory_limit" : "nine tenths of its share of this machine",
                       plan.bytes.total() > allowed.bytes ? ": run will refuse" : ""));
  line("gram.h5", fmt::format("{} on disk; its size shows {}, the whole square",
                              readable_bytes(plan.file_bytes), readable_bytes(plan.file_size)));
  line("assembly", fmt::format("about {}", readable_seconds(plan.tiles_a_rank * tile_seconds)));
  return text;
}

template <class Real>
std::string plan_of(const CommandContext& context, const JobOutline& outline) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const auto engine = mpi::collectively(
      comm, [&] { return kernels::make_engine<Real>(job.kernel.network, outline.shape, job.gram.tile); });
  const gram::Plan plan = make_plan<Real>(context, outline, *engine, true);
  // All ranks measure at once, as they would all work at once.
  const double tile_seconds =
      comm.max(gram::measure_tile_seconds<Real>(*engine, job.kernel.function, outline.shape, job.gram.tile));
  return plan_text(plan, engine->name(), tile_seconds, memory_allowance(context));
}

}  // namespace

ExitCode describe_command(const CommandContext& context) {
  const mpi::Communicator& comm = context.comm;
  const Job& job = *context.job;
  const JobOutline outline = outline_job(context);
  const std::string network =
      mpi::collectively(comm, [&] { return network_table(job.kernel.network, outline.shape); });
  const std::string plan = job.kernel.precision == io::Precision::float32 ? plan_of<float>(context, outline)
                                                                          : plan_of<double>(context, outline);
  mpi::on_root(comm, [&] {
    fmt::print("{}: {} of {}\n  train {}: {} samples\n", job.name,
               job.kernel.function == kernels::Function::ntk ? "NTK" : "NNGP",
               job.kernel.preset.empty() ? "the job's layers" : job.kernel.preset, job.data.train,
               outline.train_samples);
    if (outline.test_samples > 0) fmt::print("  test  {}: {} samples\n", job.data.test, outline.test_samples);
    fmt::print("\nnetwork: {}\n{}\nplan\n{}", kernels::canonical(job.kernel.network), network, plan);
  });
  return ExitCode::done;
}

}  // namespace widegram::jobs
