#include <gtest/gtest.h>

#include <algorithm>

#include "src/base/matrix.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/symmetry.hpp"
#include "src/gram/operands.hpp"
#include "src/gram/plan.hpp"
#include "src/gram/symmetric_fill.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/work_list.hpp"
#include "tests/support/made_up_samples.hpp"

namespace widegram::gram {
namespace {

using kernels::Function;

/// The whole training Gram and the test x train block, assembled by the ranks of `comm`, on every rank.
template <class Real>
struct Assembled {
  Matrix<Real> train;
  Matrix<Real> test;
};

template <class Real>
Assembled<Real> assemble(const mpi::Communicator& comm, const kernels::Network& network,
                         const SampleShape& shape, Function function, GlobalIndex n, GlobalIndex m,
                         Index tile) {
  const auto engine = kernels::make_engine<Real>(network, shape, tile);
  const dist::ProcessGrid grid = dist::ProcessGrid::square(comm);
  const Layout layout = choose_layout(n, tile, grid.shape(), 3 * tile);
  const dist::Partition partition{n, comm.size()};
  const dist::Partition test_partition{m, comm.size()};
  const Range test_range = test_partition.range(comm.rank());
  const Matrix<double> local = test::made_up_samples(shape.features(), partition.range(comm.rank()));
  // The first test sample is a training sample too.
  const Matrix<double> test_local =
      test::made_up_samples(shape.features(), {n - 1 + test_range.begin, n - 1 + test_range.end});
  Operands operands =
      prepare_training(comm, *engine, {local.view(), partition}, layout, grid.row(), grid.col());
  operands.test_rows = prepare_side(comm, *engine, {test_local.view(), test_partition}, SampleRole::test,
                                    layout.test_rows(m), grid.row());
  const TileComputer<Real> computer(*engine, {{.function = function}}, layout, operands);

  dist::DistributedMatrix<Real> gram(grid, n, n, layout.block);
  dist::DistributedMatrix<Real> block(grid, m, n, layout.block);
  const Schedule schedule(layout);
  const std::vector<TileTask> tasks = schedule.tasks(comm.rank());
  Matrix<Real> buffer(tile, tile);
  mpi::work_through(comm, static_cast<Index>(tasks.size()), [&](Index k) {
    const TileTask& task = tasks[static_cast<std::size_t>(k)];
    const MatrixView<Real> out(buffer.data(), layout.tiles().range(task.row).size(),
                               layout.tiles().range(task.col).size(), tile);
    computer.train(task, std::span(&out, 1));
    place_tile<Real, Real>(gram, layout, task, out);
  });
  dist::mirror(gram, [&](TileIndex row, TileIndex col) { return !schedule.mirrored(row, col); });
  const dist::Tiling test_tiles{m, tile};
  for (const TileTask& task : test_tasks(layout, m, grid.row(), grid.col())) {
    const MatrixView<Real> out =
        block.local_block(test_tiles.range(task.row), layout.tiles().range(task.col));
    computer.test(task, std::span(&out, 1));
  }
  return {dist::gather(gram), dist::gather(block)};
}

template <class Real>
void expect_same_bits(const kernels::Network& network, const SampleShape& shape, Function function,
                      GlobalIndex n, GlobalIndex m, Index tile) {
  const mpi::Communicator world = mpi::Communicator::world();
  const Assembled<Real> together = assemble<Real>(world, network, shape, function, n, m, tile);
  const Assembled<Real> alone =
      assemble<Real>(mpi::Communicator::self(), network, shape, function, n, m, tile);
  Index different = 0;
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < n; ++i) {
      different += together.train(i, j) != alone.train(i, j);
      different += together.train(i, j) != together.train(j, i);
    }
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < m; ++i) different += together.test(i, j) != alone.test(i, j);
  EXPECT_EQ(different, 0);
  // Test sample 0 is the last training sample: the same entry as on the diagonal.
  EXPECT_EQ(together.test(0, n - 1), together.train(n - 1, n - 1));
  EXPECT_GT(together.train(0, 0), 0);
}

TEST(Assembly, DenseEntriesHaveTheSameBitsOnAnyRankCount) {
  const kernels::Network relu = kernels::preset("dense", {.depth = 2});
  expect_same_bits<float>(relu, {37, 1, 1}, Function::ntk, 301, 45, 16);
  expect_same_bits<double>(relu, {37, 1, 1}, Function::nngp, 301, 45, 16);
}

TEST(Assembly, FewerTilesThanRanksLeavesNoHole) {
  const kernels::Network relu = kernels::preset("dense", {.depth = 1});
  expect_same_bits<float>(relu, {5, 1, 1}, Function::ntk, 20, 3, 16);
  expect_same_bits<float>(relu, {5, 1, 1}, Function::ntk, 1, 1, 64);
}

TEST(Assembly, ImageEntriesToo) {
  expect_same_bits<float>(kernels::preset("cntk-gap", {.depth = 1}), {2, 3, 4}, Function::ntk, 26, 5, 4);
}

TEST(Plan, CountsWhatAnAssemblyTakes) {
  const KernelCost cost{.shape = {784, 1, 1},
                        .flops_per_entry = 1000,
                        .flops_per_test_entry = 2000,
                        .bytes_per_sample = 100,
                        .tile_bytes = 12345,
                        .entry_bytes = 4,
                        .grams = 3};
  const Layout layout = choose_layout(5000, 64, {1, 2});
  const Plan plan = make_plan(layout, 1000, cost, {.matrix_entry = 8});
  EXPECT_EQ(plan.train_entries, 12502500);
  EXPECT_EQ(plan.test_entries, 5000000);
  const double cols = static_cast<double>(layout.cols().local_extent(0));
  EXPECT_DOUBLE_EQ(plan.bytes.matrix, 5000 * cols * 8);
  // All rows and the tests; the columns are among the rows.
  EXPECT_DOUBLE_EQ(plan.bytes.inputs, (5000 + 1000) * 784 * 4);
  EXPECT_DOUBLE_EQ(plan.bytes.prepared, (5000 + 1000) * 100);
  EXPECT_DOUBLE_EQ(plan.bytes.scratch, 12345);
  EXPECT_DOUBLE_EQ(plan.bytes.records, 3 * (79 * 80 / 2 + 79 * 16) * 8);
  EXPECT_DOUBLE_EQ(plan.flops, 12502500.0 * 1000 + 5000000.0 * 2000);

  const Layout square = choose_layout(5000, 64, {2, 2});
  const double half = static_cast<double>(square.rows().local_extent(0));
  const double tests = static_cast<double>(square.test_rows(1000).local_extent(0));
  EXPECT_DOUBLE_EQ(make_plan(square, 1000, cost, {.matrix_entry = 8}).bytes.prepared,
                   (2 * half + tests) * 100);
}

TEST(Plan, EstimatesBothKindsOfEngines) {
  const KernelCost cost{.shape = {10, 1, 1}, .flops_per_entry = 1, .flops_per_test_entry = 1};
  const Plan plan = make_plan(choose_layout(100, 64, {1, 1}), 30, cost, {.matrix_entry = 8});
  EXPECT_EQ(plan.train_work.tiles, 3);
  EXPECT_EQ(plan.train_work.entries, 5050);
  EXPECT_EQ(plan.test_work.tiles, 2);
  EXPECT_EQ(plan.test_work.entries, 3000);
  // Whole tiles, whatever their extent; then pairs alone.
  EXPECT_DOUBLE_EQ(assembly_seconds(plan, {.train = 2, .diagonal = 2, .test = 3}), 3 * 2 + 2 * 3);
  EXPECT_DOUBLE_EQ(assembly_seconds(plan, {.train = 4096, .diagonal = 2000, .test = 8192}), 5050 + 2 * 3000);
  // One rank prepares 100 training and 30 test samples.
  EXPECT_DOUBLE_EQ(assembly_seconds(plan, {.train = 2, .diagonal = 2, .test = 3, .sample = 5}), 12 + 130 * 5);
}

TEST(Plan, NamesTheRanksThatWouldDo) {
  const KernelCost cost{.shape = {10, 1, 1}, .flops_per_entry = 1, .bytes_per_sample = 0, .entry_bytes = 4};
  const Plan plan = make_plan(choose_layout(100000, 64, {1, 1}), 0, cost, {.matrix_entry = 8});
  EXPECT_EQ(plan.ranks_that_fit(1e15), 1);
  const Index ranks = plan.ranks_that_fit(6e9);
  EXPECT_EQ(ranks, 16);
  Layout spread = plan.layout;
  spread.grid = dist::GridShape::square(static_cast<int>(ranks));
  EXPECT_LE(rank_bytes(spread, 0, cost, {.matrix_entry = 8}).total(), 6e9);
  EXPECT_EQ(plan.ranks_that_fit(1.0), 0);
}

TEST(Plan, MeasuresATile) {
  const auto engine = kernels::make_engine<float>(kernels::preset("dense", {}), {64, 1, 1}, 32);
  const double seconds = measure_tile_seconds<float>(*engine, {.shape = {64, 1, 1}, .edge = 32}, 0.01);
  EXPECT_GT(seconds, 0);
  EXPECT_LT(seconds, 1);
}

TEST(Plan, ATileOfImagesIsHalfAsLongOnTheDiagonalOrBetweenMirrorImages) {
  if (!mpi::Communicator::world().is_root()) GTEST_SKIP() << "a time of one rank, which others would disturb";
  const SampleShape shape{1, 6, 6};
  const auto engine = kernels::make_engine<float>(kernels::preset("cntk-gap", {.depth = 2}), shape, 16);
  const TileToTime whole{.shape = shape, .edge = 16};
  TileToTime diagonal = whole;
  diagonal.on_diagonal = true;
  TileToTime mirrored = whole;
  mirrored.rows = mirrored.cols = kernels::SampleOrder::flip_pairs;
  for (const TileToTime& tile : {diagonal, mirrored}) {
    // Other programs may come between: the least of many looks counts.
    double part = 1, all = 1;
    for (int look = 0; look < 100 && part > 0.75 * all; ++look) {
      part = std::min(part, measure_tile_seconds<float>(*engine, tile, 0.01));
      all = std::min(all, measure_tile_seconds<float>(*engine, whole, 0.01));
    }
    EXPECT_LT(part, 0.75 * all);
  }
}

}  // namespace
}  // namespace widegram::gram
