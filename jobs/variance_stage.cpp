#include "jobs/variance_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "jobs/solve_progress.hpp"
#include "solvers/ensemble_variance.hpp"
#include "solvers/gaussian_process.hpp"
#include "src/dist/scalapack.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

using dist::DistributedMatrix;

/// Test samples at a time: whole rounds of blocks over the rows of the grid, so that a tile's rank is the
/// same whichever stretch it is in and all ranks compute their tiles together.
Index stretch_of(const gram::Layout& layout) {
  constexpr Index wanted = 512;
  const Index round = layout.block * layout.grid.rows;
  return ceil_div(wanted, round) * round;
}

bool is_ensemble(const Job& job) { return job.kernel.function == kernels::Function::ntk; }

/// Test x train tiles of the job's own Gram, and of its sibling where that is wanted, as blocks of columns.
template <class Real>
class CrossTiles {
 public:
  CrossTiles(const CommandContext& context, GlobalIndex m, GramStage<Real>& gram,
             const typename GramStage<Real>::TestConsumer& consume)
      : context_(context), m_(m), gram_(gram), consume_(consume) {}

  /// Sets blocks[k] (n x tests.size()) to that of the family's member k.
  void provide(Range tests, std::initializer_list<DistributedMatrix<double>*> blocks) const {
    mpi::stop_if_wanted(
        context_.comm, context_.stop,
        fmt::format(
            "variances of {} of {} test samples were done, of which nothing is kept; the Gram and the "
            "model are there: run the same command again",
            tests.begin, m_));
    const gram::Layout& layout = gram_.layout();
    std::vector<DistributedMatrix<double>> rows;
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
    for (DistributedMatrix<double>* block : blocks) dist::transpose(rows[k++], *block);
  }

 private:
  const CommandContext& context_;
  GlobalIndex m_;
  GramStage<Real>& gram_;
  const typename GramStage<Real>::TestConsumer& consume_;
};

template <class Real>
solvers::CgVariance posterior(GramStage<Real>& gram, GramInverse& train, const CrossTiles<Real>& tiles,
                              const solvers::CgHooks& hooks) {
  const std::vector<double> prior = gram.test_diagonal(0);
  const Index stretch = stretch_of(gram.layout());
  const auto cross = [&](Range tests, DistributedMatrix<double>& block) { tiles.provide(tests, {&block}); };
  if (train.factor) return {.variance = solvers::posterior_variance(*train.factor, prior, cross, stretch)};
  return solvers::posterior_variance(*train.cg, gram.grid(), gram.layout().block, prior, cross, stretch,
                                     hooks);
}

template <class Real>
solvers::CgVariance ensemble(GramStage<Real>& gram, GramInverse& train, const CrossTiles<Real>& tiles,
                             const solvers::CgHooks& hooks) {
  constexpr std::size_t sibling = 1;
  const io::GramFileOperator nngp = gram.file_operator(sibling);
  const std::vector<double> prior = gram.test_diagonal(sibling);
  const Index stretch = stretch_of(gram.layout());
  const auto cross = [&](Range tests, DistributedMatrix<double>& own, DistributedMatrix<double>& other) {
    tiles.provide(tests, {&own, &other});
  };
  if (train.factor)
    return {.variance = solvers::ensemble_variance(*train.factor, nngp, prior, cross, stretch)};
  return solvers::ensemble_variance(*train.cg, gram.grid(), gram.layout().block, nngp, prior, cross, stretch,
                                    hooks);
}

/// Where the solve was another run's.
void invert(const CommandContext& context, GramInverse& train, const io::Model& model) {
  if (train.factor || train.cg) return;
  if (factors_gram(*context.job)) {
    context.progress.note(
        fmt::format("factor     the Gram again, with the model's ridge of {:.6g}, for the "
                    "variances",
                    model.ridge_absolute));
    factor_gram(context, train, model.ridge_absolute, "factor");
  } else {
    prepare_cg(context, train, model.ridge_absolute);
  }
}

}  // namespace

template <class Real>
Variances variance_stage(const CommandContext& context, const Problem& problem, const io::Model& model,
                         GramStage<Real>& gram, GramInverse& train,
                         const typename GramStage<Real>::TestConsumer& consume, Metrics& metrics) {
  const Timer timer;
  SolveProgress progress(context.progress, "variance", "steps of 1,000 a test sample");
  IterationStop stop(context.stop);
  const solvers::CgHooks hooks{.observer = progress.observer(), .stop = [&] { return stop(); }};
  const CrossTiles<Real> tiles(context, problem.m(), gram, consume);
  solvers::CgVariance found = telling_why(context, stop, [&] {
    invert(context, train, model);
    return is_ensemble(*context.job) ? ensemble(gram, train, tiles, hooks)
                                     : posterior(gram, train, tiles, hooks);
  });
  gram.end_test();
  write_traffic(context, train, metrics);
  Variances result{.values = std::move(found.variance),
                   .note = {is_ensemble(*context.job) ? "ensemble" : "posterior", model.ridge_absolute}};
  const auto [least, most] = std::minmax_element(result.values.begin(), result.values.end());
  Json& section = metrics["predict"]["variance"];
  section["kind"] = result.note.kind;
  section["noise"] = result.note.noise;
  section["method"] = train.factor ? "cholesky" : "cg";
  section["min"] = *least;
  section["mean"] = std::accumulate(result.values.begin(), result.values.end(), 0.0) /
                    static_cast<double>(result.values.size());
  section["max"] = *most;
  section["seconds"] = context.comm.max(timer.seconds());
  if (train.cg) {
    section["iterations"] = found.iterations;
    section["relative_residual"] = found.relative_residual;
  }
  context.progress.note(fmt::format("variance   {:.4g} to {:.4g} ({})", *least, *most, result.note.kind));
  return result;
}

double variance_bytes(const Job& job, const gram::Layout& layout, GlobalIndex m) {
  const Index stretch = std::min(stretch_of(layout), m);
  const double members = is_ensemble(job) ? 2 : 1;
  const auto block =
      static_cast<double>(dist::most_local_entries(layout.grid, stretch, layout.n, layout.block));
  const auto at_once = static_cast<double>(std::min(stretch, solvers::most_columns_at_once));
  const double n = static_cast<double>(layout.n);
  const double part = at_once * n / static_cast<double>(layout.grid.size());
  // Rows and columns of each block; conjugate gradients' own blocks, solution and image; whole vectors for
  // products with a Gram that is not in memory, whichever of the two that is.
  double numbers = 2 * members * block;
  if (!factors_gram(job)) numbers += 12 * part;
  if (is_ensemble(job)) numbers += 3 * part;
  if (is_ensemble(job) || job.gram.mode != GramMode::stored) numbers += 3 * at_once * n;
  return numbers * sizeof(double);
}

template Variances variance_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<float>&,
                                  GramInverse&, const GramStage<float>::TestConsumer&, Metrics&);
template Variances variance_stage(const CommandContext&, const Problem&, const io::Model&, GramStage<double>&,
                                  GramInverse&, const GramStage<double>::TestConsumer&, Metrics&);

}  // namespace widegram::jobs
