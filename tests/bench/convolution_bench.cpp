// What an entry of a convolutional kernel costs one core, in Gflop-equivalents: seconds an entry times the
// rate of the one-core sgemm that is measured beside it, so that machines compare.
//
//   bench_convolution [--images FOLDER/train.bin] [--case NAME] [--repeats 5] [--small] [--check]
//
// One JSON line a case: 32 x 32 x 3 images, preset and depth, precision. Without --images smooth made-up
// pictures take their place. --small: one row of pairs and one repeat. With --check: at most the figures
// below, and float64 at most 2.3 times float32.

#include <cblas.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "src/base/timer.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/presets.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/made_up_pictures.hpp"
#include "tests/support/median.hpp"
#include "tests/support/rounded.hpp"
#include "tests/support/standardized_images.hpp"

namespace {

using namespace widegram;

constexpr SampleShape shape{3, 32, 32};

struct Case {
  const char* preset;
  std::optional<Index> depth;
  bool float64;
  Index edge;
  double most;  ///< Gflop-equivalents an entry; 0 where none is asked for
};

const std::vector<Case> cases{
    {"cntk-gap", 10, false, 8, 0.85}, {"cntk-gap", 10, true, 8, 0},
    {"cntk-gap", 21, false, 6, 1.75}, {"cntk-flatten", 21, false, 64, 0.004},
    {"myrtle5", {}, false, 16, 0.30}, {"myrtle5", {}, true, 16, 0},
    {"myrtle7", {}, false, 16, 0},    {"myrtle10", {}, false, 12, 0.50},
    {"cntk-gap", 5, false, 12, 0},
};

struct Options {
  std::string images;
  std::string only;
  int repeats = 5;
  bool small = false;
  bool check = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--images", options.images);
  app.add_option("--case", options.only);
  app.add_option("--repeats", options.repeats);
  app.add_flag("--small", options.small);
  app.add_flag("--check", options.check);
}

/// Flops a second of one core.
double sgemm_rate() {
  constexpr int n = 1024;
  static const std::vector<float> a(n * n, 0.5F);
  static std::vector<float> c(n * n);
  const Timer timer;
  cblas_sgemm(CblasColMajor, CblasTrans, CblasNoTrans, n, n, n, 1.0F, a.data(), n, a.data(), n, 0.0F,
              c.data(), n);
  return 2.0 * n * n * n / timer.seconds();
}

Matrix<double> images_of(const Options& options, Index count) {
  if (options.images.empty()) return test::made_up_pictures(shape, count);
  return test::standardized_images(options.images, count).inputs;
}

struct Measured {
  double seconds = 0;          ///< an entry
  double prepare_seconds = 0;  ///< a sample
  double equivalent = 0;       ///< Gflop
};

template <class Real>
Measured measure(const Case& of, const Options& options, const Matrix<double>& images) {
  const Index edge = options.small ? 1 : of.edge;
  const kernels::Network network = kernels::preset(of.preset, {.depth = of.depth});
  const auto engine = kernels::make_engine<Real>(network, shape, edge);
  const Matrix<Real> inputs = test::rounded<Real>(images);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(2 * edge));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  const Timer preparation;
  const auto prepared = engine->prepare(inputs.view().block({0, inputs.rows()}, {0, 2 * edge}), ids,
                                        kernels::SampleOrder::single);
  Measured result;
  result.prepare_seconds = preparation.seconds() / static_cast<double>(2 * edge);
  Matrix<Real> tile(edge, edge);
  const kernels::TileOutput<Real> output{.nngp = {}, .ntk = tile.view()};
  std::vector<double> seconds, equivalents;
  for (int repeat = 0; repeat < (options.small ? 1 : options.repeats); ++repeat) {
    const double before = sgemm_rate();
    const Timer timer;
    engine->tile(*prepared, 0, *prepared, edge, std::span(&output, 1));
    seconds.push_back(timer.seconds() / static_cast<double>(edge * edge));
    equivalents.push_back(seconds.back() * (before + sgemm_rate()) / 2e9);
  }
  result.seconds = test::median(seconds);
  result.equivalent = test::median(equivalents);
  return result;
}

int run(const mpi::Communicator& comm, const Options& options) {
  if (!comm.is_root()) return 0;
  const Matrix<double> images = images_of(options, 128);
  bool good = true;
  double single = 0;  // of the case before, for float64 beside float32
  openblas_set_num_threads(1);
  sgemm_rate();  // warms up
  for (const Case& of : cases) {
    if (!options.only.empty() && options.only != of.preset) continue;
    const Measured measured =
        of.float64 ? measure<double>(of, options, images) : measure<float>(of, options, images);
    const double ratio = of.float64 ? measured.seconds / single : 0;
    const bool ok = (of.most == 0 || measured.equivalent <= of.most) && ratio <= 2.3;
    fmt::print(
        "{{\"bench\": \"convolution\", \"preset\": \"{}\", \"depth\": {}, \"precision\": \"{}\", "
        "\"ms_an_entry\": "
        "{:.4f}, \"ms_a_sample\": {:.2f}, \"gflop_equivalent\": {:.4f}, \"most\": {}, \"over_float32\": "
        "{:.2f}, \"ok\": "
        "{}}}\n",
        of.preset, of.depth.value_or(0), of.float64 ? "float64" : "float32", 1e3 * measured.seconds,
        1e3 * measured.prepare_seconds, measured.equivalent, of.most, ratio, ok);
    std::fflush(stdout);
    good = good && ok;
    if (!of.float64) single = measured.seconds;
  }
  return options.check && !good ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return test::bench_main<Options>(argc, argv, "bench_convolution", declare, run);
}
