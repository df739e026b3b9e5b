// How far entries by offset planes are from those of the plain double path, on every entry of a Gram of
// images with copies and near copies among them.
//
//   mpirun -n RANKS bench_planes [--images FOLDER/train.bin] [--samples 200] [--preset NAME]
//   [--check]
//
// One JSON line a preset. Differences are relative to the entry. Twenty of the images are copies of others,
// ten of them with every 11th pixel value one 8-bit level higher. Without --images smooth made-up pictures of
// 12 x 12 take their place. With --check: float64 within 1e-11, float32 within 5e-6; where images are
// flattened at full size, near copies apart, for which 1e-9 is left of float64's digits of 1 - rho.

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "io/preprocess.hpp"
#include "src/kernels/pixel_engine.hpp"
#include "src/kernels/presets.hpp"
#include "tests/support/bench_main.hpp"
#include "tests/support/made_up_pictures.hpp"
#include "tests/support/rounded.hpp"

namespace {

using namespace widegram;

struct Options {
  std::string images;
  std::string only;
  Index samples = 200;
  bool check = false;
};

void declare(CLI::App& app, Options& options) {
  app.add_option("--images", options.images);
  app.add_option("--preset", options.only);
  app.add_option("--samples", options.samples);
  app.add_flag("--check", options.check);
}

struct Images {
  SampleShape shape;
  Matrix<double> pixels;
  Index copies;  ///< at the end: exact ones, then as many near ones, of the first images
};

Images load(const Options& options) {
  Images images{{3, 12, 12}, {}, options.samples / 20};
  const Index count = options.samples - 2 * images.copies;
  io::DataSet set;
  const mpi::Communicator self = mpi::Communicator::self();
  if (options.images.empty()) {
    images.pixels = test::made_up_pictures(images.shape, options.samples);
  } else {
    set = io::read_data(self, {.source = fmt::format("{}[:{}]", options.images, options.samples)});
    images.shape = set.shape;
    images.pixels = std::move(set.inputs);
  }
  for (Index c = 0; c < images.copies; ++c)
    for (Index i = 0; i < images.pixels.rows(); ++i) {
      const double level = options.images.empty() ? 1.0 / 256 : 1.0;
      images.pixels(i, count + c) = images.pixels(i, c);
      images.pixels(i, count + images.copies + c) = images.pixels(i, c) + (i % 11 == 0 ? level : 0.0);
    }
  if (!options.images.empty()) {
    set.inputs = std::move(images.pixels);
    io::Preprocessor::fit(self, io::parse_steps(std::vector<std::string>{"standardize"}), set);
    images.pixels = std::move(set.inputs);
  }
  // As single precision sees them: only what happens to them afterwards counts.
  for (Index i = 0; i < images.pixels.rows() * images.pixels.cols(); ++i)
    images.pixels.data()[i] = static_cast<double>(static_cast<float>(images.pixels.data()[i]));
  return images;
}

/// Rows [row, row + 1) of the lower triangle of both kernels, NNGP then NTK.
template <class Real>
std::vector<double> row_of(const kernels::Engine<Real>& engine, const kernels::Prepared& samples, Index row) {
  Matrix<Real> nngp(1, row + 1), ntk(1, row + 1);
  const kernels::TileOutput<Real> output{nngp.view(), ntk.view()};
  engine.tile(samples, row, samples, 0, std::span(&output, 1));
  std::vector<double> values(nngp.data(), nngp.data() + row + 1);
  values.insert(values.end(), ntk.data(), ntk.data() + row + 1);
  return values;
}

struct Worst {
  double pairs = 0;
  double near = 0;  ///< of near copies with what they are copies of
};

void widen(Worst& worst, double difference, bool near) {
  double& of = near ? worst.near : worst.pairs;
  of = std::max(of, difference);
}

bool compare(const mpi::Communicator& comm, const Images& images, const std::string& name,
             const kernels::PresetOptions& preset) {
  const kernels::Network network = kernels::preset(name, preset);
  const Index n = images.pixels.cols();
  std::vector<std::int64_t> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  const Matrix<float> single_pixels = widegram::test::rounded<float>(images.pixels);
  const auto single = kernels::make_engine<float>(network, images.shape, n);
  const auto full = kernels::make_engine<double>(network, images.shape, n);
  const kernels::PixelEngine<double> plain(network, images.shape);
  const auto order = kernels::SampleOrder::single;
  const auto single_samples = single->prepare(single_pixels.view(), ids, order);
  const auto full_samples = full->prepare(images.pixels.view(), ids, order);
  const auto plain_samples = plain.prepare(images.pixels.view(), ids, order);

  const Index originals = n - 2 * images.copies;
  const auto original = [&](Index i) { return i < originals ? i : (i - originals) % images.copies; };
  Worst float32, float64;
  for (Index row = comm.rank(); row < n; row += comm.size()) {
    const auto expected = row_of(plain, *plain_samples, row);
    const auto by_float = row_of(*single, *single_samples, row);
    const auto by_double = row_of(*full, *full_samples, row);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Index col = static_cast<Index>(i) % (row + 1);
      const bool near = original(row) == original(col) && row != col;
      widen(float32, std::abs(by_float[i] / expected[i] - 1), near);
      widen(float64, std::abs(by_double[i] / expected[i] - 1), near);
    }
  }
  const auto all = [&](double& value) { value = comm.max(value); };
  for (double* value : {&float32.pairs, &float32.near, &float64.pairs, &float64.near}) all(*value);
  const bool flattens = name == "cntk-flatten";
  const bool good = float64.pairs <= 1e-11 && float64.near <= (flattens ? 1e-9 : 1e-11) &&
                    float32.pairs <= 5e-6 && float32.near <= 5e-6;
  if (comm.is_root())
    fmt::print(
        "{{\"bench\": \"planes\", \"preset\": \"{}\", \"depth\": {}, \"shape\": \"{}\", \"samples\": {}, "
        "\"float64\": "
        "{:.2e}, \"float64_near\": {:.2e}, \"float32\": {:.2e}, \"float32_near\": {:.2e}, \"ok\": {}}}\n",
        name, preset.depth.value_or(0), to_string(images.shape), n, float64.pairs, float64.near,
        float32.pairs, float32.near, good);
  std::fflush(stdout);
  return good;
}

int run(const mpi::Communicator& comm, const Options& options) {
  const Images images = load(options);
  bool good = true;
  for (const auto& [name, depth] : std::vector<std::pair<std::string, std::optional<Index>>>{
           {"cntk-flatten", 21}, {"myrtle5", {}}, {"cntk-gap", 10}}) {
    if (!options.only.empty() && options.only != name) continue;
    if (name == "myrtle5" && images.shape.height < 32) continue;
    good = compare(comm, images, name, {.depth = depth}) && good;
  }
  return options.check && !good ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return test::bench_main<Options>(argc, argv, "bench_planes", declare, run);
}
