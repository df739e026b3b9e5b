// Ridge regression on a kernel of one's own, spread over the ranks, and the engine that a network would have.
#include <cmath>
#include <cstdio>
#include <utility>

#include "io/provenance.hpp"
#include "solvers/regression.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/session.hpp"

using namespace widegram;

int main() {
  const mpi::Session session;
  const mpi::Communicator comm = mpi::Communicator::world();
  const auto grid = dist::ProcessGrid::square(comm);
  constexpr Index n = 100;
  constexpr Index block = 16;
  dist::DistributedMatrix<double> gram(grid, n, n, block);
  dist::DistributedMatrix<double> targets(grid, n, 1, block);
  for (LocalIndex j = 0; j < gram.local_cols(); ++j)
    for (LocalIndex i = 0; i < gram.local_rows(); ++i)
      gram.local()(i, j) = std::exp(-std::abs(static_cast<double>(gram.global_row(i) - gram.global_col(j))));
  targets.fill(1.0);
  const solvers::RegressionFit fit = solvers::fit_ridge(std::move(gram), targets, {.ridge = {.value = 1e-2}});
  const auto engine = kernels::make_engine<float>(kernels::preset("dense", {}), {1, 8, 8}, 64);
  if (comm.is_root())
    std::printf("widegram %s on %d ranks: residual below 1e-12: %s; %s\n", io::program_version().c_str(),
                comm.size(), fit.relative_residual < 1e-12 ? "yes" : "no", engine->name().c_str());
  return fit.relative_residual < 1e-12 ? 0 : 1;
}
