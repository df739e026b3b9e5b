#include "src/gram/operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/base/matrix.hpp"
#include "src/dist/redistribute.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::gram {
namespace {

std::vector<GlobalIndex> held_indices(const dist::BlockCyclic& map, int process) {
  std::vector<GlobalIndex> held(static_cast<std::size_t>(map.local_extent(process)));
  for (std::size_t i = 0; i < held.size(); ++i) held[i] = map.to_global(static_cast<LocalIndex>(i), process);
  return held;
}

template <class Real>
Matrix<Real> rounded(MatrixView<const double> values) {
  Matrix<Real> result(values.rows, values.cols);
  for (Index j = 0; j < values.cols; ++j)
    for (Index i = 0; i < values.rows; ++i) result(i, j) = static_cast<Real>(values(i, j));
  return result;
}

}  // namespace

template <class Real>
std::shared_ptr<const kernels::Prepared> prepare_samples(const mpi::Communicator& comm,
                                                         const kernels::Engine<Real>& engine,
                                                         const SpreadSamples& samples, SampleRole role,
                                                         const std::vector<GlobalIndex>& indices) {
  Matrix<Real> inputs;
  {
    const Matrix<Real> local = rounded<Real>(samples.local);
    inputs = dist::fetch_columns<Real>(comm, local.view(), samples.partition, indices);
  }
  return mpi::collectively(comm, [&] {
    std::vector<std::int64_t> ids(indices.begin(), indices.end());
    if (role == SampleRole::test)
      for (std::int64_t& id : ids) id = -1 - id;
    return std::shared_ptr<const kernels::Prepared>(engine.prepare(inputs.view(), ids, samples.order));
  });
}

template <class Real>
Side prepare_side(const mpi::Communicator& comm, const kernels::Engine<Real>& engine,
                  const SpreadSamples& samples, SampleRole role, const dist::BlockCyclic& map, int process) {
  return {map, prepare_samples(comm, engine, samples, role, held_indices(map, process))};
}

template <class Real>
void TileComputer<Real>::compute(const Side& rows, TileIndex row, const Side& cols, TileIndex col,
                                 std::span<const MatrixView<Real>> out) const {
  engine_.tile(*rows.samples, rows.position(row, layout_.tile), *cols.samples,
               cols.position(col, layout_.tile), tile_outputs<Real>(engine_, grams_, out));
}

template <class Real>
void TileComputer<Real>::check_finite(const TileTask& task, MatrixView<const Real> tile,
                                      const char* rows) const {
  for (Index j = 0; j < tile.cols; ++j) {
    // Without a way out of the loop it runs on vectors.
    const Real* column = tile.column(j);
    int finite = 1;
    for (Index i = 0; i < tile.rows; ++i) finite &= std::abs(column[i]) <= std::numeric_limits<Real>::max();
    if (finite != 0) continue;
    const Index i =
        std::find_if_not(column, column + tile.rows, [](Real x) { return std::isfinite(x); }) - column;
    throw Error(
        ExitCode::numerical,
        fmt::format("the entry of {} sample {} and training sample {} (counted from 0) is {}: the network's "
                    "variances overflow on the way; lower its weight variances or its depth, standardize the "
                    "inputs, or take kernel.precision = \"float64\"",
                    rows, task.row * layout_.tile + i, task.col * layout_.tile + j, column[i]));
  }
}

template <class Real>
void TileComputer<Real>::train(const TileTask& task, std::span<const MatrixView<Real>> out) const {
  // The owner of the mirrored place holds the tile's rows among its columns and the other way round.
  if (task.mirrored)
    compute(operands_.cols, task.row, operands_.rows, task.col, out);
  else
    compute(operands_.rows, task.row, operands_.cols, task.col, out);
  for (const MatrixView<Real>& tile : out) {
    check_finite(task, tile, "training");
    if (task.row != task.col) continue;
    for (Index j = 0; j < tile.cols; ++j)
      for (Index i = j + 1; i < tile.rows; ++i) tile(j, i) = tile(i, j);
  }
}

template <class Real>
void TileComputer<Real>::test(const TileTask& task, std::span<const MatrixView<Real>> out) const {
  compute(operands_.test_rows, task.row, operands_.cols, task.col, out);
  for (const MatrixView<Real>& tile : out) check_finite(task, tile, "test");
}

template std::shared_ptr<const kernels::Prepared> prepare_samples(const mpi::Communicator&,
                                                                  const kernels::Engine<float>&,
                                                                  const SpreadSamples&, SampleRole,
                                                                  const std::vector<GlobalIndex>&);
template std::shared_ptr<const kernels::Prepared> prepare_samples(const mpi::Communicator&,
                                                                  const kernels::Engine<double>&,
                                                                  const SpreadSamples&, SampleRole,
                                                                  const std::vector<GlobalIndex>&);
template Side prepare_side(const mpi::Communicator&, const kernels::Engine<float>&, const SpreadSamples&,
                           SampleRole, const dist::BlockCyclic&, int);
template Side prepare_side(const mpi::Communicator&, const kernels::Engine<double>&, const SpreadSamples&,
                           SampleRole, const dist::BlockCyclic&, int);
template class TileComputer<float>;
template class TileComputer<double>;

}  // namespace widegram::gram
