#include "src/gram/plan.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/base/timer.hpp"

namespace widegram::gram {
namespace {

/// Of the training triangle and the test block.
double tiles(const Layout& layout, GlobalIndex test_samples) {
  const auto cols = static_cast<double>(layout.tiles().count());
  return cols * (cols + 1) / 2 + cols * static_cast<double>(ceil_div(test_samples, layout.tile));
}

}  // namespace

RankBytes rank_bytes(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
                     Index matrix_entry_bytes) {
  // The first process holds most of every dimension. A single rank keeps its rows and columns once.
  const auto rows = static_cast<double>(layout.rows().local_extent(0));
  const auto cols = static_cast<double>(layout.cols().local_extent(0));
  const auto tests = static_cast<double>(layout.test_rows(test_samples).local_extent(0));
  const double samples = (layout.grid.size() == 1 ? rows : rows + cols) + tests;
  return {.inputs = samples * static_cast<double>(kernel.shape.features() * kernel.entry_bytes),
          .prepared = samples * kernel.bytes_per_sample,
          .matrix = rows * cols * static_cast<double>(matrix_entry_bytes),
          .records = tiles(layout, test_samples) * sizeof(std::uint64_t)};
}

Index Plan::ranks_that_fit(double most_bytes) const {
  for (int ranks = 1; ranks <= 1 << 20; ranks *= 2) {
    Layout spread = layout;
    spread.grid = dist::GridShape::square(ranks);
    if (rank_bytes(spread, test_samples, kernel, matrix_entry_bytes).total() <= most_bytes) return ranks;
  }
  return 0;
}

Plan make_plan(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
               Index matrix_entry_bytes) {
  const Schedule schedule(layout);
  const auto test_tiles = ceil_div(layout.test_rows(test_samples).local_extent(0), layout.tile) *
                          ceil_div(layout.cols().local_extent(0), layout.tile);
  Plan plan;
  plan.layout = layout;
  plan.test_samples = test_samples;
  plan.kernel = kernel;
  plan.matrix_entry_bytes = matrix_entry_bytes;
  plan.imbalance = schedule.imbalance();
  plan.train_entries = layout.n * (layout.n + 1) / 2;
  plan.test_entries = test_samples * layout.n;
  plan.tiles_a_rank =
      static_cast<double>(*std::max_element(schedule.loads().begin(), schedule.loads().end()) + test_tiles);
  const auto entries = static_cast<double>(plan.train_entries + plan.test_entries);
  plan.flops = entries * kernel.flops_per_entry;
  plan.bytes = rank_bytes(layout, test_samples, kernel, matrix_entry_bytes);
  // The structure of HDF5 takes about 100 bytes a chunk, holes included.
  const auto rows = static_cast<double>(layout.tiles().count() + ceil_div(test_samples, layout.tile));
  const double chunks = rows * static_cast<double>(layout.tiles().count());
  const auto chunk_bytes = static_cast<double>(layout.tile * layout.tile * kernel.entry_bytes);
  plan.file_bytes = tiles(layout, test_samples) * chunk_bytes + 100 * chunks;
  plan.file_size = chunks * (chunk_bytes + 100);
  return plan;
}

template <class Real>
double measure_tile_seconds(const kernels::Engine<Real>& engine, kernels::Function function,
                            const SampleShape& shape, Index tile, double budget) {
  // Inputs that differ from sample to sample and stay far from each other.
  Matrix<Real> inputs(shape.features(), tile);
  for (Index j = 0; j < inputs.cols(); ++j)
    for (Index i = 0; i < inputs.rows(); ++i)
      inputs(i, j) =
          static_cast<Real>(static_cast<double>((i * 7919 + j * 104729 + i * j * 31) % 1009) / 504.5 - 1.0);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(tile));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});

  // Part of a tile may cost as much as the whole (dense) or its share (images): grow until the time is worth
  // trusting.
  const Timer total;
  double seconds = 0;
  for (Index edge = 1; edge <= tile; edge = std::min(2 * edge, tile)) {
    const auto samples =
        engine.prepare(inputs.view().block({0, inputs.rows()}, {0, edge}),
                       std::span<const std::int64_t>(ids).first(static_cast<std::size_t>(edge)));
    Matrix<Real> values(edge, edge);
    kernels::TileOutput<Real> output;
    (function == kernels::Function::ntk ? output.ntk : output.nngp) = values.view();
    engine.tile(*samples, 0, *samples, 0, output);  // warms up
    double least = 0;
    for (int repeat = 0; repeat < 5; ++repeat) {
      const Timer timer;
      engine.tile(*samples, 0, *samples, 0, output);
      least = repeat == 0 ? timer.seconds() : std::min(least, timer.seconds());
      if (total.seconds() > budget) break;
    }
    const double parts = static_cast<double>(tile) / static_cast<double>(edge);
    seconds = least * parts * parts;
    if (edge == tile || total.seconds() > budget) break;
  }
  return seconds;
}

template double measure_tile_seconds(const kernels::Engine<float>&, kernels::Function, const SampleShape&,
                                     Index, double);
template double measure_tile_seconds(const kernels::Engine<double>&, kernels::Function, const SampleShape&,
                                     Index, double);

}  // namespace widegram::gram
