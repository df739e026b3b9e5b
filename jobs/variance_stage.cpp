#include "jobs/variance_stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "jobs/cross_tiles.hpp"
#include "jobs/solve_progress.hpp"
#include "solvers/ensemble_variance.hpp"
#include "solvers/gaussian_process.hpp"
#include "src/dist/scalapack.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

using dist::DistributedMatrix;

bool is_ensemble(const Job& job) { return job.kernel.function == kernels::Function::ntk; }

template <class Real>
solvers::CgVariance posterior(GramStage<Real>& gram, GramInverse& train, const CrossTiles<Real>& tiles,
                              const solvers::CgHooks& hooks) {
  const std::vector<double> prior = gram.test_diagonal(0);
  const Index stretch = test_stretch(gram.layout());
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
  const Index stretch = test_stretch(gram.layout());
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
  SolveProgress progress(context.progress, "variance", "");
  IterationStop stop(context.stop);
  const solvers::CgHooks hooks{.observer = progress.observer(), .stop = [&] { return stop(); }};
  const CrossTiles<Real> tiles(context, problem.m(), gram, consume, "the Gram and the model are there");
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
  const Index stretch = std::min(test_stretch(layout), m);
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
