#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "jobs/gram_stage.hpp"
#include "src/dist/scalapack.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::jobs {

/// Test samples at a time: whole rounds of blocks over the rows of the grid, so that a tile's rank is the
/// same whichever stretch it is in and all ranks compute their tiles together.
inline Index test_stretch(const gram::Layout& layout) {
  constexpr Index wanted = 512;
  const Index round = layout.block * layout.grid.rows;
  return ceil_div(wanted, round) * round;
}

/// Test x train tiles of the job's own Gram, and of its sibling where that is wanted, as blocks of columns.
template <class Real>
class CrossTiles {
 public:
  /// `consume` hears of every tile too. kept: what a stop between two stretches leaves there, for people.
  CrossTiles(const CommandContext& context, GlobalIndex m, GramStage<Real>& gram,
             const typename GramStage<Real>::TestConsumer& consume, std::string kept)
      : context_(context), m_(m), gram_(gram), consume_(consume), kept_(std::move(kept)) {}

  /// Sets blocks[k] (n x tests.size()) to that of the family's member k.
  void provide(Range tests, std::initializer_list<dist::DistributedMatrix<double>*> blocks) const {
    mpi::stop_if_wanted(context_.comm, context_.stop,
                        fmt::format("variances of {} of {} test samples were done, of which nothing is kept; "
                                    "{}: run the same command again",
                                    tests.begin, m_, kept_));
    const gram::Layout& layout = gram_.layout();
    std::vector<dist::DistributedMatrix<double>> rows;
    for (std::size_t k = 0; k < blocks.size(); ++k)
      rows.emplace_back(gram_.grid(), tests.size(), layout.n, layout.block);
    gram_.test(
        tests,
        [&](std::size_t member, TileIndex row, TileIndex col, MatrixView<const Real> tile) {
          consume_(member, row, col, tile);
          const GlobalIndex first = row * layout.tile - tests.begin;
          const MatrixView<double> place =
              rows[member].local_block({first, first + tile.rows}, layout.tiles().range(col));
          for (Index j = 0; j < tile.cols; ++j)
            for (Index i = 0; i < tile.rows; ++i) place(i, j) = static_cast<double>(tile(i, j));
        },
        blocks.size());
    std::size_t k = 0;
    for (dist::DistributedMatrix<double>* block : blocks) dist::transpose(rows[k++], *block);
  }

 private:
  const CommandContext& context_;
  GlobalIndex m_;
  GramStage<Real>& gram_;
  const typename GramStage<Real>::TestConsumer& consume_;
  std::string kept_;
};

}  // namespace widegram::jobs
