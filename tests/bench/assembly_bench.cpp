// How fast a Gram is assembled, against one rank and, where its network is dense, against the bare inner
// products by the BLAS, in one run.
//
//   mpirun -n 2 bench_assembly [--n 10000] [--features 784] [--depth 3] [--repeats 5] [--float64] [--check]
//   mpirun -n 2 bench_assembly --preset cntk-flatten --depth 21 --n 1000 [--images FOLDER/train.bin]
//     [--shape 3x32x32] [--tile 64] ...
//
// One JSON line. Without --images, samples are made up: smooth pictures of C x H x W, or noise. The BLAS
// reference computes the same lower triangle of X X^T in square blocks of 512, shared out over the ranks.
// speed_up: of the tiles alone; efficiency: of preparing the samples and the tiles together, one rank's time
// over the ranks' times their number. With --check, dense: assembly at most 2.0 times the BLAS; with two
// ranks on two cores at least 1.8 times one rank, and the slowest rank at most 1.05 times the mean. With
// --check, any other network: an efficiency of at least 0.95 with two ranks on two cores.

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
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
#include "src/mpi/work_list.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/made_up_pictures.hpp"
#include "tests/support/made_up_samples.hpp"
#include "tests/support/median.hpp"
#include "tests/support/standardized_images.hpp"

namespace {

using namespace widegram;

struct Options {
  std::string preset = "dense";
  std::optional<Index> depth;
  std::string images;
  SampleShape shape{784, 1, 1};
  GlobalIndex n = 10000;
  Index tile = 64;
  int repeats = 5;
  bool float64 = false;
  bool check = false;

  bool dense() const { return preset == "dense"; }
};

SampleShape parse_shape(const std::string& text) {
  SampleShape shape;
  if (std::sscanf(text.c_str(), "%tdx%tdx%td", &shape.channels, &shape.height, &shape.width) != 3)
    throw Error(ExitCode::usage, "--shape " + text + ": CHANNELSxHEIGHTxWIDTH is meant, as 3x32x32");
  return shape;
}

void declare(CLI::App& app, Options& options) {
  app.add_option("--n", options.n);
  app.add_option("--images", options.images);
  app.add_option("--preset", options.preset);
  app.add_option("--tile", options.tile);
  app.add_option("--depth", options.depth);
  app.add_option("--repeats", options.repeats);
  app.add_option_function<Index>("--features", [&](Index features) { options.shape = {features, 1, 1}; });
  app.add_option_function<std::string>("--shape",
                                       [&](const std::string& text) { options.shape = parse_shape(text); });
  app.add_flag("--float64", options.float64);
  app.add_flag("--check", options.check);
}

struct Samples {
  SampleShape shape;
  Matrix<double> values;  ///< features x n, on every rank
};

Samples load(const Options& options) {
  if (!options.images.empty()) {
    io::DataSet set = test::standardized_images(options.images, options.n);
    return {set.shape, std::move(set.inputs)};
  }
  if (options.shape.is_vector())
    return {options.shape, test::made_up_samples(options.shape.channels, {0, options.n})};
  return {options.shape, test::made_up_pictures(options.shape, options.n)};
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
  double prepare = 0;    ///< seconds of fetching and preparing the samples; slowest rank
  double tiles = 0;      ///< seconds; slowest rank
  double imbalance = 1;  ///< of the tiles: slowest over mean
};

/// Whole assemblies into one block-cyclic matrix.
template <class Real>
class Assembly {
 public:
  Assembly(const mpi::Communicator& comm, const kernels::Engine<Real>& engine, const Samples& samples,
           Index tile)
      : engine_(engine),
        samples_(samples),
        grid_(dist::ProcessGrid::square(comm)),
        layout_(gram::choose_layout(samples.values.cols(), tile, grid_.shape())),
        tasks_(gram::Schedule(layout_).tasks(comm.rank())),
        gram_(grid_, layout_.n, layout_.n, layout_.block) {
    gram_.fill(0);  // touches the memory, so that page faults do not count as assembly in the first round
  }

  Times run() {
    const mpi::Communicator& comm = grid_.comm();
    comm.barrier();
    const Timer preparing;
    const gram::Operands operands = prepare();
    Times times{.prepare = comm.max(preparing.seconds())};

    const gram::TileComputer<Real> computer(engine_, {gram::GramChoice{}}, layout_, operands);
    Matrix<Real> buffer(layout_.tile, layout_.tile);
    comm.barrier();
    const auto compute = [&](Index k) {
      const gram::TileTask& task = tasks_[static_cast<std::size_t>(k)];
      const MatrixView<Real> out(buffer.data(), layout_.tiles().range(task.row).size(),
                                 layout_.tiles().range(task.col).size(), layout_.tile);
      computer.train(task, std::span(&out, 1));
      gram::place_tile<Real, Real>(gram_, layout_, task, out);
    };
    const mpi::Spread spread =
        comm.spread(mpi::work_through(comm, static_cast<Index>(tasks_.size()), compute).seconds);
    times.tiles = spread.max;
    times.imbalance = spread.max / spread.mean;
    return times;
  }

 private:
  gram::Operands prepare() const {
    const mpi::Communicator& comm = grid_.comm();
    const dist::Partition partition{layout_.n, comm.size()};
    const MatrixView<const double> all = samples_.values.view();
    const gram::SpreadSamples spread{all.block({0, all.rows}, partition.range(comm.rank())), partition};
    return gram::prepare_training(comm, engine_, spread, layout_, grid_.row(), grid_.col());
  }

  const kernels::Engine<Real>& engine_;
  const Samples& samples_;
  dist::ProcessGrid grid_;
  gram::Layout layout_;
  std::vector<gram::TileTask> tasks_;
  dist::DistributedMatrix<Real> gram_;
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

/// Of the rounds after the first one, which warms up.
struct Rounds {
  std::vector<double> blas, prepare, tiles, whole, one_tiles, one_whole, imbalance;
};

template <class Real>
Rounds measure(const mpi::Communicator& world, const kernels::Engine<Real>& engine, const Samples& samples,
               const Options& options) {
  Matrix<Real> inputs;
  if (options.dense()) {
    inputs = Matrix<Real>(samples.values.rows(), samples.values.cols());
    std::copy_n(samples.values.data(), inputs.rows() * inputs.cols(), inputs.data());
  }
  const mpi::Communicator self = mpi::Communicator::self();
  Assembly<Real> shared(world, engine, samples, options.tile);
  std::optional<Assembly<Real>> alone;
  if (world.is_root() && world.size() > 1) alone.emplace(self, engine, samples, options.tile);

  Rounds rounds;
  for (int repeat = 0; repeat <= options.repeats; ++repeat) {
    const double reference = options.dense() ? blas_seconds(world, inputs) : 0;
    const Times times = shared.run();
    const Times one = alone ? alone->run() : times;
    world.barrier();
    if (repeat == 0) continue;
    rounds.blas.push_back(reference);
    rounds.prepare.push_back(times.prepare);
    rounds.tiles.push_back(times.tiles);
    rounds.whole.push_back(times.prepare + times.tiles);
    rounds.one_tiles.push_back(one.tiles);
    rounds.one_whole.push_back(one.prepare + one.tiles);
    rounds.imbalance.push_back(times.imbalance);
  }
  return rounds;
}

template <class Real>
int run(const mpi::Communicator& world, const Options& options) {
  const Samples samples = load(options);
  const auto engine = kernels::make_engine<Real>(kernels::preset(options.preset, {.depth = options.depth}),
                                                 samples.shape, options.tile);
  const Rounds rounds = measure(world, *engine, samples, options);
  if (!world.is_root()) return 0;  // only rank 0 knows what one rank takes

  const double seconds = test::median(rounds.tiles);
  const double one_rank = test::median(rounds.one_tiles);
  const double speed_up = one_rank / seconds;
  const double efficiency = test::median(rounds.one_whole) / (world.size() * test::median(rounds.whole));
  const double slowest = test::median(rounds.imbalance);
  const double entries = static_cast<double>(options.n) * static_cast<double>(options.n + 1) / 2;
  const bool pair = world.size() == 2;
  bool good = !pair || efficiency >= 0.95;
  std::string against_blas;
  if (options.dense()) {
    const double blas = test::median(rounds.blas);
    good = seconds <= 2.0 * blas && (!pair || (speed_up >= 1.8 && slowest <= 1.05));
    against_blas = fmt::format("\"blas_seconds\": {:.4f}, \"ratio_to_blas\": {:.3f}, ", blas, seconds / blas);
  }
  fmt::print(
      "{{\"bench\": \"assembly\", \"preset\": \"{}\", \"depth\": {}, \"precision\": \"{}\", \"n\": {}, "
      "\"shape\": \"{}\", \"tile\": {}, \"ranks\": {}, \"engine\": \"{}\", \"seconds\": {:.4f}, "
      "\"entries_per_second\": {:.4g}, {}\"prepare_seconds\": {:.4f}, \"one_rank_seconds\": {:.4f}, "
      "\"speed_up\": {:.3f}, \"efficiency\": {:.4f}, \"slowest_over_mean\": {:.4f}, \"ok\": {}}}\n",
      options.preset, options.depth.value_or(0), sizeof(Real) == 4 ? "float32" : "float64", options.n,
      to_string(samples.shape), options.tile, world.size(), engine->name(), seconds, entries / seconds,
      against_blas, test::median(rounds.prepare), one_rank, speed_up, efficiency, slowest, good);
  return options.check && !good ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return test::bench_main<Options>(
      argc, argv, "bench_assembly", declare, [](const mpi::Communicator& comm, const Options& options) {
        return options.float64 ? run<double>(comm, options) : run<float>(comm, options);
      });
}
