#include "src/gram/recompute_operator.hpp"

#include <algorithm>
#include <numeric>

#include "src/dist/tile_product.hpp"
#include "src/mpi/agree.hpp"
#include "src/mpi/work_list.hpp"

namespace widegram::gram {
namespace {

std::vector<GlobalIndex> all_of(Range range) {
  std::vector<GlobalIndex> indices(static_cast<std::size_t>(range.size()));
  std::iota(indices.begin(), indices.end(), range.begin);
  return indices;
}

/// Each sample on its own: a few of them need not hold both of a pair.
SpreadSamples singly(SpreadSamples samples) {
  samples.order = kernels::SampleOrder::single;
  return samples;
}

}  // namespace

template <class Real>
RecomputeOperator<Real>::RecomputeOperator(const mpi::Communicator& comm, const kernels::Engine<Real>& engine,
                                           const GramChoice& gram, const SpreadSamples& samples,
                                           const Layout& layout, const Operands& operands,
                                           const mpi::StopRequest& stop)
    : comm_(comm),
      engine_(engine),
      gram_(gram),
      samples_(singly(samples)),
      layout_(layout),
      computer_(engine, {gram}, layout, operands),
      stop_(stop),
      tasks_(Schedule(layout).tasks(comm.rank())),
      parts_{layout.n, comm.size(), layout.tile},
      rows_(prepare_samples(comm, engine, samples_, SampleRole::train, all_of(parts_.range(comm.rank())))) {}

template <class Real>
void RecomputeOperator<Real>::apply(MatrixView<const double> x, MatrixView<double> y) const {
  dist::TileProduct product(comm_, parts_, x);
  if (x.cols == 0) return;
  const dist::Tiling tiles = layout_.tiles();
  Matrix<Real> buffer(layout_.tile, layout_.tile);
  Matrix<double> entries(layout_.tile, layout_.tile);
  const auto compute = [&](Index k) {
    const TileTask& task = tasks_[static_cast<std::size_t>(k)];
    const Range rows = tiles.range(task.row);
    const Range cols = tiles.range(task.col);
    const MatrixView<Real> tile(buffer.data(), rows.size(), cols.size(), layout_.tile);
    computer_.train(task, std::span(&tile, 1));
    const MatrixView<double> wide(entries.data(), rows.size(), cols.size(), layout_.tile);
    for (Index j = 0; j < tile.cols; ++j) std::copy_n(tile.column(j), tile.rows, wide.column(j));
    if (task.row == task.col)
      product.add_diagonal(rows, wide);
    else
      product.add(rows, cols, wide);
  };
  const mpi::WorkDone done = mpi::work_through(comm_, std::ssize(tasks_), compute, {.stop = &stop_});
  if (!done.stopped.empty())
    throw mpi::CollectiveError(ExitCode::stopped,
                               "stopped early: in the middle of a product with the Gram; what was saved "
                               "before is there; run the same command again");
  product.finish(y);
}

template <class Real>
std::vector<double> RecomputeOperator<Real>::diagonal() const {
  std::vector<double> values(static_cast<std::size_t>(part().size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Real>(rows_->diagonal(gram_.function, static_cast<Index>(i), gram_.network));
  return values;
}

template <class Real>
Matrix<double> RecomputeOperator<Real>::columns(std::span<const GlobalIndex> chosen) const {
  const auto cols =
      prepare_samples(comm_, engine_, samples_, SampleRole::train, {chosen.begin(), chosen.end()});
  const dist::Tiling row_tiles{part().size(), layout_.tile};
  const dist::Tiling col_tiles{std::ssize(chosen), layout_.tile};
  Matrix<double> out(row_tiles.extent, col_tiles.extent);
  Matrix<Real> buffer(layout_.tile, layout_.tile);
  mpi::work_through(comm_, row_tiles.count() * col_tiles.count(), [&](Index k) {
    const Range r = row_tiles.range(k / col_tiles.count());
    const Range c = col_tiles.range(k % col_tiles.count());
    const MatrixView<Real> tile(buffer.data(), r.size(), c.size(), layout_.tile);
    engine_.tile(*rows_, r.begin, *cols, c.begin,
                 tile_outputs<Real>(engine_, std::span(&gram_, 1), std::span(&tile, 1)));
    for (Index j = 0; j < tile.cols; ++j)
      std::copy_n(tile.column(j), tile.rows, out.column(c.begin + j) + r.begin);
  });
  return out;
}

template class RecomputeOperator<float>;
template class RecomputeOperator<double>;

}  // namespace widegram::gram
