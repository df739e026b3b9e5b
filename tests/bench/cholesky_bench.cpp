// How fast ScaLAPACK factors on widegram's grid, against the dgemm rate of the same cores in the same run.
//
//   mpirun -n 2 bench_cholesky [--n 10000] [--block 128] [--repeats 3] [--check]
//
// One JSON line. dgemm is timed alone (rank 0, the others wait) and on all ranks at once (mean a rank). With
// --check: fails where the factorisation runs below half of ranks x the dgemm rate of one core alone.

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/base/timer.hpp"
#include "src/dist/scalapack.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/median.hpp"

namespace {

using namespace widegram;

struct Options {
  GlobalIndex n = 10000;
  Index block = dist::default_block;
  int repeats = 3;
  bool check = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--n", options.n);
  app.add_option("--block", options.block);
  app.add_option("--repeats", options.repeats);
  app.add_flag("--check", options.check);
}

/// Positive definite, and cheap to write anew for every round.
void fill_positive_definite(dist::DistributedMatrix<double>& a) {
  const MatrixView<double> local = a.local();
  for (LocalIndex j = 0; j < local.cols; ++j)
    for (LocalIndex i = 0; i < local.rows; ++i) {
      const GlobalIndex distance = std::abs(a.global_row(i) - a.global_col(j));
      local(i, j) = (distance == 0 ? 1.0 : 0.0) + 1.0 / (1.0 + static_cast<double>(distance * distance));
    }
}

double factor_seconds(const mpi::Communicator& comm, const Options& options) {
  const dist::ProcessGrid grid = dist::ProcessGrid::square(comm);
  dist::DistributedMatrix<double> a(grid, options.n, options.n, options.block);
  std::vector<double> seconds;
  for (int round = 0; round < options.repeats; ++round) {
    fill_positive_definite(a);
    comm.barrier();
    const Timer timer;
    if (dist::potrf(a) != 0) throw Error(ExitCode::numerical, "the benchmark's own matrix was not factored");
    seconds.push_back(comm.max(timer.seconds()));
  }
  return test::median(seconds);
}

/// Gflop/s of this core.
double dgemm_rate(const Options& options) {
  const int n = static_cast<int>(std::min<Index>(2048, options.n));
  Matrix<double> a(n, n);
  Matrix<double> b(n, n);
  Matrix<double> c(n, n);
  std::fill_n(a.data(), n * n, 0.5);
  std::fill_n(b.data(), n * n, 0.25);
  std::vector<double> rates;
  for (int round = 0; round < options.repeats + 1; ++round) {
    const Timer timer;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0, a.data(), n, b.data(), n, 0.0,
                c.data(), n);
    if (round > 0) rates.push_back(2e-9 * std::pow(n, 3) / timer.seconds());  // the first round warms up
  }
  return test::median(rates);
}

int run(const mpi::Communicator& comm, const Options& options) {
  const double rate_alone = comm.broadcast(comm.is_root() ? dgemm_rate(options) : 0.0);
  comm.barrier();
  const double rate_together = comm.spread(dgemm_rate(options)).mean;
  const double seconds = factor_seconds(comm, options);
  const double n = static_cast<double>(options.n);
  const double rate = 1e-9 * n * n * n / 3.0 / seconds;
  const double share = rate / (comm.size() * rate_alone);
  if (comm.is_root())
    fmt::print(
        "{{\"benchmark\": \"cholesky\", \"n\": {}, \"ranks\": {}, \"block\": {}, \"seconds\": {:.3f}, "
        "\"gflops\": {:.1f}, "
        "\"dgemm_gflops_alone\": {:.1f}, \"dgemm_gflops_together\": {:.1f}, \"share_of_dgemm\": {:.3f}}}\n",
        options.n, comm.size(), options.block, seconds, rate, rate_alone, rate_together, share);
  return options.check && share < 0.5 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return test::bench_main<Options>(argc, argv, "bench_cholesky", declare, run);
}
