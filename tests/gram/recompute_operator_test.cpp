#include "src/gram/recompute_operator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "src/dist/process_grid.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/agree.hpp"
#include "tests/support/made_up_samples.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::gram {
namespace {

constexpr Index tile = 8;
constexpr GlobalIndex n = 117;  // 14 tiles and a short one
const SampleShape shape{20};

/// A dense NTK on made-up samples, spread over the ranks.
class Recompute : public testing::Test {
 protected:
  RecomputeOperator<double> gram() const {
    return {comm_, *engine_, {}, {local_.view(), partition_}, layout_, operands_, stop_};
  }

  /// The whole Gram on every rank, computed by itself.
  Matrix<double> reference() const {
    const auto inputs = test::made_up_samples(shape.features(), {0, n});
    std::vector<std::int64_t> ids(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i);
    const auto all = engine_->prepare(inputs.view(), ids, kernels::SampleOrder::single);
    const dist::Tiling tiles = layout_.tiles();
    Matrix<double> whole(n, n);
    for (TileIndex i = 0; i < tiles.count(); ++i)
      for (TileIndex j = 0; j < tiles.count(); ++j) {
        const kernels::TileOutput<double> out{{}, whole.view().block(tiles.range(i), tiles.range(j))};
        engine_->tile(*all, i * tile, *all, j * tile, std::span(&out, 1));
      }
    return whole;
  }

  mpi::Communicator comm_ = mpi::Communicator::world();
  test::TempDir folder_{comm_};
  mpi::StopRequest stop_{comm_, {.file = folder_ / "stop"}};
  dist::ProcessGrid grid_ = dist::ProcessGrid::square(comm_);
  kernels::Network network_ = kernels::preset("dense", {.depth = 2});
  std::unique_ptr<kernels::Engine<double>> engine_ = kernels::make_engine<double>(network_, shape, tile);
  Layout layout_ = choose_layout(n, tile, grid_.shape(), 2 * tile);
  dist::Partition partition_{n, comm_.size()};
  Matrix<double> local_ = test::made_up_samples(shape.features(), partition_.range(comm_.rank()));
  Operands operands_ =
      prepare_training(comm_, *engine_, {local_.view(), partition_}, layout_, grid_.row(), grid_.col());
};

TEST_F(Recompute, ProductsColumnsAndDiagonalAreThoseOfTheGram) {
  const auto a = gram();
  const Matrix<double> whole = reference();
  const Range part = a.part();
  const auto vector = [](Index i, Index c) { return std::sin(static_cast<double>(2 * i + c)); };
  Matrix<double> x(part.size(), 3);
  Matrix<double> y(part.size(), 3);
  for (Index c = 0; c < 3; ++c)
    for (Index i = 0; i < x.rows(); ++i) x(i, c) = vector(part.begin + i, c);
  a.apply(x.view(), y.view());
  const std::vector<GlobalIndex> chosen{116, 3, 3, 50};
  const Matrix<double> columns = a.columns(chosen);
  const std::vector<double> diagonal = a.diagonal();
  for (Index i = 0; i < part.size(); ++i) {
    const Index row = part.begin + i;
    for (Index c = 0; c < 3; ++c) {
      double want = 0;
      for (Index j = 0; j < n; ++j) want += whole(row, j) * vector(j, c);
      ASSERT_NEAR(y(i, c), want, 1e-11 * n) << row << " " << c;
    }
    for (std::size_t k = 0; k < chosen.size(); ++k)
      ASSERT_NEAR(columns(i, static_cast<Index>(k)), whole(row, chosen[k]),
                  1e-13 * std::abs(whole(row, row)));
    ASSERT_EQ(diagonal[static_cast<std::size_t>(i)], whole(row, row));
  }
}

TEST_F(Recompute, AProductStopsBetweenItsTiles) {
  const auto a = gram();
  if (comm_.is_root()) std::ofstream(folder_ / "stop") << "";
  comm_.barrier();
  Matrix<double> x(a.part().size(), 1);
  Matrix<double> y(a.part().size(), 1);
  try {
    a.apply(x.view(), y.view());
    FAIL() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::stopped);
    EXPECT_NE(std::string(error.what()).find("in the middle of a product"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace widegram::gram
