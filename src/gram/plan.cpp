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

Work busiest_rank(const Schedule& schedule) {
  const auto& loads = schedule.loads();
  const auto busiest = static_cast<std::size_t>(std::max_element(loads.begin(), loads.end()) - loads.begin());
  return {.tiles = static_cast<double>(schedule.tile_counts()[busiest]),
          .entries = static_cast<double>(loads[busiest])};
}

/// The first process holds most of every dimension.
Work test_work(const Layout& layout, GlobalIndex test_samples) {
  const Index rows = layout.test_rows(test_samples).local_extent(0);
  const Index cols = layout.cols().local_extent(0);
  return {.tiles = static_cast<double>(ceil_div(rows, layout.tile) * ceil_div(cols, layout.tile)),
          .entries = static_cast<double>(rows * cols)};
}

}  // namespace

double assembly_seconds(const Plan& plan, const TileSeconds& seconds) {
  const bool pair_by_pair = seconds.diagonal < 0.75 * seconds.train;
  const auto whole = static_cast<double>(plan.layout.tile * plan.layout.tile);
  const auto tiles = [&](const Work& work) { return pair_by_pair ? work.entries / whole : work.tiles; };
  return plan.samples * seconds.sample + tiles(plan.train_work) * seconds.train +
         tiles(plan.test_work) * seconds.test;
}

namespace {

/// Of the first process, which holds most of every dimension. A grid of one row keeps rows and columns once.
double samples_of(const Layout& layout, GlobalIndex test_samples) {
  const auto rows = static_cast<double>(layout.rows().local_extent(0));
  const auto cols = static_cast<double>(layout.cols().local_extent(0));
  const auto tests = static_cast<double>(layout.test_rows(test_samples).local_extent(0));
  return (layout.grid.rows == 1 ? rows : rows + cols) + tests;
}

/// Made-up inputs that differ from sample to sample and stay far from each other.
template <class Real>
Matrix<Real> made_up_inputs(Index features, Index samples) {
  Matrix<Real> inputs(features, samples);
  for (Index j = 0; j < samples; ++j)
    for (Index i = 0; i < features; ++i)
      inputs(i, j) =
          static_cast<Real>(static_cast<double>((i * 7919 + j * 104729 + i * j * 31) % 1009) / 504.5 - 1.0);
  return inputs;
}

std::vector<std::int64_t> first_ids(Index count) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  return ids;
}

}  // namespace

RankBytes rank_bytes(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
                     const SolverBytes& solver) {
  const double samples = samples_of(layout, test_samples);
  const auto rows = static_cast<double>(layout.rows().local_extent(0));
  const auto cols = static_cast<double>(layout.cols().local_extent(0));
  return {.inputs = samples * static_cast<double>(kernel.shape.features() * kernel.entry_bytes),
          .prepared = samples * kernel.bytes_per_sample,
          .matrix = rows * cols * static_cast<double>(solver.matrix_entry),
          .records = tiles(layout, test_samples) * static_cast<double>(kernel.grams) * sizeof(std::uint64_t),
          .scratch = kernel.tile_bytes,
          .vectors = solver.vectors ? solver.vectors(layout) : 0.0};
}

Index Plan::ranks_that_fit(double most_bytes) const {
  for (int ranks = 1; ranks <= 1 << 20; ranks *= 2) {
    Layout spread = layout;
    spread.grid = dist::GridShape::square(ranks);
    if (rank_bytes(spread, test_samples, kernel, solver).total() <= most_bytes) return ranks;
  }
  return 0;
}

Plan make_plan(const Layout& layout, GlobalIndex test_samples, const KernelCost& kernel,
               const SolverBytes& solver) {
  const Schedule schedule(layout);
  Plan plan;
  plan.layout = layout;
  plan.test_samples = test_samples;
  plan.kernel = kernel;
  plan.solver = solver;
  plan.imbalance = schedule.imbalance();
  plan.train_entries = layout.n * (layout.n + 1) / 2;
  plan.test_entries = test_samples * layout.n;
  plan.train_work = busiest_rank(schedule);
  plan.test_work = test_work(layout, test_samples);
  plan.samples = samples_of(layout, test_samples);
  plan.flops = static_cast<double>(plan.train_entries) * kernel.flops_per_entry +
               static_cast<double>(plan.test_entries) * kernel.flops_per_test_entry;
  plan.bytes = rank_bytes(layout, test_samples, kernel, solver);
  // The structure of HDF5 takes about 100 bytes a chunk, holes included.
  const auto rows = static_cast<double>(layout.tiles().count() + ceil_div(test_samples, layout.tile));
  const double chunks = rows * static_cast<double>(layout.tiles().count());
  const auto chunk_bytes = static_cast<double>(layout.tile * layout.tile * kernel.entry_bytes);
  plan.file_bytes = tiles(layout, test_samples) * chunk_bytes + 100 * chunks;
  plan.file_size = chunks * (chunk_bytes + 100);
  return plan;
}

namespace {

struct TimedEdge {
  double edge;
  double seconds;
};

/// From part of a tile to the whole: what each image takes grows with the edge, what each pair takes with its
/// square.
double extrapolate(const std::vector<TimedEdge>& timed, double edge) {
  const auto [last, seconds] = timed.back();
  double a_pair = seconds / (last * last);
  double an_image = 0;
  if (timed.size() > 1) {
    const auto [first, before] = timed[timed.size() - 2];
    const double slope = (seconds / last - before / first) / (last - first);
    // Noise must not turn one of them negative.
    if (slope > 0 && slope < a_pair) {
      an_image = seconds / last - slope * last;
      a_pair = slope;
    }
  }
  return a_pair * edge * edge + an_image * edge;
}

}  // namespace

template <class Real>
double measure_tile_seconds(const kernels::Engine<Real>& engine, const TileToTime& tile, double budget) {
  // The rows, then the columns.
  const Matrix<Real> inputs = made_up_inputs<Real>(tile.shape.features(), 2 * tile.edge);
  const std::vector<std::int64_t> ids = first_ids(inputs.cols());
  const auto side = [&](Index first, Index count, kernels::SampleOrder order) {
    return engine.prepare(inputs.view().block({0, inputs.rows()}, {first, first + count}),
                          std::span<const std::int64_t>(ids).subspan(static_cast<std::size_t>(first),
                                                                     static_cast<std::size_t>(count)),
                          order);
  };

  // Part of a tile may cost as much as the whole (dense) or its share (images): grow until the time is worth
  // trusting.
  const Timer total;
  std::vector<TimedEdge> timed;
  for (Index edge = std::min<Index>(2, tile.edge); edge <= tile.edge; edge = std::min(2 * edge, tile.edge)) {
    const auto rows = side(0, edge, tile.rows);
    const auto cols = side(tile.on_diagonal ? 0 : tile.edge, edge, tile.cols);
    std::vector<Matrix<Real>> values(tile.grams.size(), Matrix<Real>(edge, edge));
    std::vector<MatrixView<Real>> views;
    for (Matrix<Real>& gram : values) views.push_back(gram.view());
    const auto outputs = tile_outputs<Real>(engine, tile.grams, views);
    engine.tile(*rows, 0, *cols, 0, outputs);  // warms up
    double least = 0;
    for (int repeat = 0; repeat < 5; ++repeat) {
      const Timer timer;
      engine.tile(*rows, 0, *cols, 0, outputs);
      least = repeat == 0 ? timer.seconds() : std::min(least, timer.seconds());
      if (total.seconds() > budget) break;
    }
    timed.push_back({static_cast<double>(edge), least});
    const bool enough = timed.size() > 1 ? total.seconds() > budget : total.seconds() > 4 * budget;
    if (edge == tile.edge || enough) break;
  }
  return extrapolate(timed, static_cast<double>(tile.edge));
}

template <class Real>
double measure_sample_seconds(const kernels::Engine<Real>& engine, const SampleShape& shape, double budget) {
  constexpr Index most = 64;
  const Matrix<Real> inputs = made_up_inputs<Real>(shape.features(), most);
  const std::vector<std::int64_t> ids = first_ids(most);
  const Timer total;
  double seconds = 0;
  for (Index count = 1; count <= most; count *= 2) {
    const Timer timer;
    engine.prepare(inputs.view().block({0, inputs.rows()}, {0, count}),
                   std::span<const std::int64_t>(ids).first(static_cast<std::size_t>(count)),
                   kernels::SampleOrder::single);
    seconds = timer.seconds() / static_cast<double>(count);
    if (total.seconds() > budget) break;
  }
  return seconds;
}

template double measure_sample_seconds(const kernels::Engine<float>&, const SampleShape&, double);
template double measure_sample_seconds(const kernels::Engine<double>&, const SampleShape&, double);
template double measure_tile_seconds(const kernels::Engine<float>&, const TileToTime&, double);
template double measure_tile_seconds(const kernels::Engine<double>&, const TileToTime&, double);

}  // namespace widegram::gram
