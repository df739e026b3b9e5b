// Step time of the convolutional deep kernel machine: objective and gradient of a batch of images on all
// ranks, beside the rate of a matrix product that every rank runs in the same run.
//
//   bench_dkm_step [--scale 1] [--batch 256] [--edge 32] [--repeats 5] [--float32] [--least]
//                  [--check]
//
// One JSON line. Flops are those of the layers' matrix products (Model::flops_a_sample()). With --check: at
// least the share of the product's rate and at most the seconds below, for scales 1 and 4 on 32 x 32 images.

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "solvers/dkm/trainer.hpp"
#include "src/base/random.hpp"
#include "src/base/timer.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/made_up_pictures.hpp"
#include "tests/support/median.hpp"

namespace {

using namespace widegram;

struct Options {
  Index scale = 1;
  Index batch = 256;
  Index edge = 32;
  int repeats = 5;
  bool float32 = false;
  bool least = false;
  bool check = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--scale", options.scale);
  app.add_option("--batch", options.batch);
  app.add_option("--edge", options.edge);
  app.add_option("--repeats", options.repeats);
  app.add_flag("--float32", options.float32);
  app.add_flag("--least", options.least);
  app.add_flag("--check", options.check);
}

void gemm(int n, const std::vector<double>& a, std::vector<double>& c) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, a.data(), n, 0, c.data(),
              n);
}
void gemm(int n, const std::vector<float>& a, std::vector<float>& c) {
  cblas_sgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, a.data(), n, 0, c.data(),
              n);
}

/// Flops a second of all ranks together, all at work.
template <class Real>
double gemm_rate(const mpi::Communicator& comm) {
  constexpr int n = 1500;
  const std::vector<Real> a(std::size_t{n} * n, Real{0.5});
  std::vector<Real> c(a.size());
  gemm(n, a, c);
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    comm.barrier();
    const Timer timer;
    gemm(n, a, c);
    comm.barrier();
    best = std::max(best, comm.size() * 2.0 * n * n * n / comm.max(timer.seconds()));
  }
  return best;
}

template <class Real>
int measure(const mpi::Communicator& comm, const Options& options) {
  const SampleShape shape{3, options.edge, options.edge};
  const dkm::ModelSpec spec{.network = dkm::resnet20(options.scale, dkm::map_spec("arccos")),
                            .shape = shape,
                            .outputs = 10,
                            .likelihood = dkm::Likelihood::categorical,
                            .nu = 0.01};
  dkm::Model<Real> model(spec, options.least ? dkm::Keep::least : dkm::Keep::expensive);
  const Matrix<double> images = test::made_up_pictures(shape, options.batch);
  std::vector<std::int64_t> labels, ids;
  for (Index n = 0; n < options.batch; ++n) {
    labels.push_back(n % 10);
    ids.push_back(n);
  }
  const dkm::Samples samples{.inputs = images.view(), .labels = labels};
  const std::vector<double> parameters =
      model.initial(dkm::random_patches(comm, samples, shape, 3, model.patches(), 1).view());
  std::vector<double> gradient(parameters.size());
  const Range share = dkm::share_of(comm, options.batch);
  const auto begin = static_cast<std::size_t>(share.begin), size = static_cast<std::size_t>(share.size());
  const dkm::Batch batch{.samples = images.view().block({0, images.rows()}, share),
                         .targets = {.labels = std::span(labels).subspan(begin, size)},
                         .ids = std::span(ids).subspan(begin, size),
                         .batch_samples = options.batch,
                         .training_samples = 50000};
  const dkm::Reduce reduce = dkm::reduce_over(comm);
  model.evaluate(parameters, batch, 0, reduce, gradient);  // warms up
  std::vector<double> seconds;
  double rate = gemm_rate<Real>(comm);
  for (int repeat = 0; repeat < options.repeats; ++repeat) {
    comm.barrier();
    const Timer timer;
    model.evaluate(parameters, batch, 0, reduce, gradient);
    seconds.push_back(comm.max(timer.seconds()));
  }
  rate = std::max(rate, gemm_rate<Real>(comm));
  const double step = test::median(seconds);
  const double flops = model.flops_a_sample() * static_cast<double>(options.batch);
  const double portion = flops / step / rate;
  const double least = options.scale >= 4 ? 0.40 : 0.25;
  const double most = (options.scale >= 4 ? 5.0 : 0.45) * (options.float32 ? 0.6 : 1.0);
  const bool ok = portion >= least && step <= most;
  if (comm.is_root())
    fmt::print(
        "{{\"bench\": \"dkm_step\", \"ranks\": {}, \"scale\": {}, \"batch\": {}, \"precision\": \"{}\", "
        "\"seconds\": {:.4f}, "
        "\"gflop\": {:.2f}, \"gflop_a_second\": {:.1f}, \"gemm_gflop_a_second\": {:.1f}, \"share\": {:.3f}, "
        "\"bytes\": {}, \"ok\": {}}}\n",
        comm.size(), options.scale, options.batch, sizeof(Real) == 4 ? "float32" : "float64", step,
        flops / 1e9, flops / step / 1e9, rate / 1e9, portion, model.bytes(share.size()), ok);
  return options.check && !ok ? 1 : 0;
}

int run(const mpi::Communicator& comm, const Options& options) {
  return options.float32 ? measure<float>(comm, options) : measure<double>(comm, options);
}

}  // namespace

int main(int argc, char** argv) {
  return test::bench_main<Options>(argc, argv, "bench_dkm_step", declare, run);
}
