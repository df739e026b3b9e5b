// How fast a dense Gram is assembled, against the bare inner products by the BLAS and against one rank, in
// one run.
//
//   mpirun -n 2 bench_assembly [--n 10000] [--features 784] [--depth 3] [--repeats 5] [--float64] [--check]
//
// One JSON line. The BLAS reference computes the same lower triangle of X X^T in square blocks of 512, shared
// out over the ranks. With --check: assembly at most 2.0 times the BLAS; with two ranks on two cores at
// least 1.8 times one rank, and the slowest rank at most 1.05 times the mean.

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/base/timer.hpp"
#include "src/dist/matrix.hpp"
#include "src/gram/operands.hpp"
#include "src/gram/symmetric_fill.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/session.hpp"
#include "src/mpi/work_list.hpp"
#include "tests/support/made_up_samples.hpp"
#include "tests/support/median.hpp"

namespace {

using namespace widegram;

struct Options {
  GlobalIndex n = 10000;
  Index features = 784;
  Index depth = 3;
  int repeats = 5;
  bool float64 = false;
  bool check = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return std::stol(argv[++i]); };
    if (word == "--n")
      options.n = number();
    else if (word == "--features")
      options.features = number();
    else if (word == "--depth")
      options.depth = number();
    else if (word == "--repeats")
      options.repeats = static_cast<int>(number());
    else if (word == "--float64")
      options.float64 = true;
    else if (word == "--check")
      options.check = true;
    else
      throw Error(ExitCode::usage, "unknown option " + word);
  }
  return options;
}

void gemm(Index m, Index n, Index k, const float* a, const float* b, float* c) {
  cblas_sgemm(CblasColMajor, CblasTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), 1.0F, a, static_cast<int>(k), b, static_cast<int>(k), 0.0F, c,
              static_cast<int>(m));
}
void gemm(Index m, Index n, Index k, const double* a, const double* b, double* c) {
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n),
              static_cast<int>(k), 1.0, a, static_cast<int>(k), b, static_cast<int>(k), 0.0, c,
              static_cast<int>(m));
}

struct Times {
  double seconds = 0;    ///< slowest rank
  double imbalance = 1;  ///< slowest over mean
};

/// One whole assembly into the block-cyclic matrix, without preparing the inputs.
template <class Real>
class Assembly {
 public:
  Assembly(const mpi::Communicator& comm, const kernels::Engine<Real>& engine, const Options& options)
      : grid_(dist::ProcessGrid::square(comm)),
        layout_(gram::choose_layout(options.n, 64, grid_.shape())),
        tasks_(gram::Schedule(layout_).tasks(comm.rank())),
        gram_(grid_, options.n, options.n, layout_.block) {
    const dist::Partition partition{options.n, comm.size()};
    const Matrix<double> local = test::made_up_samples(options.features, partition.range(comm.rank()));
    const gram::SpreadSamples spread{local.view(), partition};
    const auto side = [&](const dist::BlockCyclic& map, int process) {
      return gram::prepare_side(comm, engine, spread, gram::SampleRole::train, map, process);
    };
    const Timer preparing;
    operands_.rows = side(layout_.rows(), grid_.row());
    operands_.cols = comm.size() == 1 ? operands_.rows : side(layout_.cols(), grid_.col());
    prepare_seconds_ = comm.max(preparing.seconds());
    computer_.emplace(engine, std::vector{gram::GramChoice{}}, layout_, operands_);
    gram_.fill(0);  // touches the memory, so that page faults do not count as assembly in the first round
  }

  Times run() {
    Matrix<Real> buffer(layout_.tile, layout_.tile);
    const mpi::Communicator& comm = grid_.comm();
    comm.barrier();
    const double mine = mpi::work_through(comm, static_cast<Index>(tasks_.size()), [&](Index k) {
      const gram::TileTask& task = tasks_[static_cast<std::size_t>(k)];
      const MatrixView<Real> out(buffer.data(), layout_.tiles().range(task.row).size(),
                                 layout_.tiles().range(task.col).size(), layout_.tile);
      computer_->train(task, std::span(&out, 1));
      gram::place_tile<Real, Real>(gram_, layout_, task, out);
    });
    const mpi::Spread spread = comm.spread(mine);
    return {spread.max, spread.max / spread.mean};
  }

  /// Fetching and preparing the samples, once, by the slowest rank.
  double prepare_seconds() const { return prepare_seconds_; }

 private:
  double prepare_seconds_ = 0;
  dist::ProcessGrid grid_;
  gram::Layout layout_;
  std::vector<gram::TileTask> tasks_;
  dist::DistributedMatrix<Real> gram_;
  gram::Operands operands_;
  std::optional<gram::TileComputer<Real>> computer_;
};

template <class Real>
double blas_seconds(const mpi::Communicator& comm, const Matrix<Real>& inputs) {
  constexpr Index edge = 512;
  std::vector<Real> out(edge * edge);
  comm.barrier();
  const Timer timer;
  Index number = 0;
  for (Index i = 0; i < inputs.cols(); i += edge)
    for (Index j = 0; j <= i; j += edge)
      if (number++ % comm.size() == comm.rank())
        gemm(std::min(edge, inputs.cols() - i), std::min(edge, inputs.cols() - j), inputs.rows(),
             inputs.column(i), inputs.column(j), out.data());
  return comm.max(timer.seconds());
}

template <class Real>
int run(const mpi::Communicator& world, const Options& options) {
  const auto engine = kernels::make_engine<Real>(kernels::preset("dense", {.depth = options.depth}),
                                                 {options.features, 1, 1}, 64);
  const mpi::Communicator self = mpi::Communicator::self();
  Matrix<Real> all(options.features, options.n);
  {
    const Matrix<double> values = test::made_up_samples(options.features, {0, options.n});
    std::copy_n(values.data(), values.rows() * values.cols(), all.data());
  }
  Assembly<Real> shared(world, *engine, options);
  std::optional<Assembly<Real>> alone;
  if (world.is_root() && world.size() > 1) alone.emplace(self, *engine, options);

  std::vector<double> blas, together, single, imbalance;
  for (int repeat = 0; repeat <= options.repeats; ++repeat) {
    const double reference = blas_seconds(world, all);
    const Times times = shared.run();
    double one = times.seconds;
    if (world.size() > 1) {
      if (world.is_root()) one = alone->run().seconds;
      one = world.broadcast(one);
    }
    if (repeat == 0) continue;  // warm-up
    blas.push_back(reference);
    together.push_back(times.seconds);
    single.push_back(one);
    imbalance.push_back(times.imbalance);
  }
  const double ratio = test::median(together) / test::median(blas);
  const double speed_up = test::median(single) / test::median(together);
  const double slowest = test::median(imbalance);
  const double entries = static_cast<double>(options.n) * static_cast<double>(options.n + 1) / 2;
  const bool good = ratio <= 2.0 && (world.size() != 2 || (speed_up >= 1.8 && slowest <= 1.05));
  if (world.is_root())
    fmt::print(
        "{{\"bench\": \"assembly\", \"precision\": \"{}\", \"n\": {}, \"features\": {}, \"depth\": {}, "
        "\"ranks\": {}, "
        "\"engine\": \"{}\", \"seconds\": {:.4f}, \"entries_per_second\": {:.4g}, \"blas_seconds\": {:.4f}, "
        "\"ratio_to_blas\": {:.3f}, \"prepare_seconds\": {:.4f}, \"one_rank_seconds\": {:.4f}, \"speed_up\": "
        "{:.3f}, "
        "\"slowest_over_mean\": {:.4f}, "
        "\"ok\": {}}}\n",
        sizeof(Real) == 4 ? "float32" : "float64", options.n, options.features, options.depth, world.size(),
        engine->name(), test::median(together), entries / test::median(together), test::median(blas), ratio,
        shared.prepare_seconds(), test::median(single), speed_up, slowest, good);
  return options.check && !good ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  mpi::Session session;
  const mpi::Communicator world = mpi::Communicator::world();
  try {
    const Options options = parse(argc, argv);
    return options.float64 ? run<double>(world, options) : run<float>(world, options);
  } catch (const std::exception& e) {
    fmt::print(stderr, "rank {}: {}\n", world.rank(), e.what());
    mpi::abort_all(2);
  }
}
