// How far the float32 entries of a dense NTK are from the float64 ones, on real images.
//
//   bench_precision [--samples 2000] [--check]
//
// One JSON line a data set (Fashion-MNIST where it is installed). Relative to the float64 entry. With
// --check: at most 1e-5, and 1e-6 in the median.

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "io/preprocess.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/presets.hpp"
#include "src/mpi/session.hpp"
#include "tests/support/median.hpp"

namespace {

using namespace widegram;

constexpr Index edge = 64;

template <class Real>
std::vector<double> lower_entries(const kernels::Network& network, const io::DataSet& set) {
  const auto engine = kernels::make_engine<Real>(network, set.shape, edge);
  Matrix<Real> inputs(set.features(), set.samples());
  for (Index i = 0; i < inputs.rows() * inputs.cols(); ++i)
    inputs.data()[i] = static_cast<Real>(set.inputs.data()[i]);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(set.samples()));
  std::iota(ids.begin(), ids.end(), std::int64_t{0});
  const auto prepared = engine->prepare(inputs.view(), ids, kernels::SampleOrder::single);
  std::vector<double> entries;
  Matrix<Real> tile(edge, edge);
  for (Index row = 0; row < set.samples(); row += edge)
    for (Index col = 0; col <= row; col += edge) {
      const MatrixView<Real> out(tile.data(), std::min(edge, set.samples() - row),
                                 std::min(edge, set.samples() - col), edge);
      const kernels::TileOutput<Real> output{.nngp = {}, .ntk = out};
      engine->tile(*prepared, row, *prepared, col, std::span(&output, 1));
      for (Index j = 0; j < out.cols; ++j)
        for (Index i = 0; i < out.rows; ++i)
          if (row + i >= col + j) entries.push_back(static_cast<double>(out(i, j)));
    }
  return entries;
}

bool compare(const mpi::Communicator& self, const std::string& source,
             const std::vector<std::string>& steps) {
  io::DataSet set = io::read_data(self, {.source = source});
  io::Preprocessor::fit(self, io::parse_steps(steps), set);
  const kernels::Network network = kernels::preset("dense", {.depth = 3});
  const std::vector<double> single = lower_entries<float>(network, set);
  const std::vector<double> full = lower_entries<double>(network, set);
  std::vector<double> errors(single.size());
  for (std::size_t i = 0; i < errors.size(); ++i)
    errors[i] = std::abs(single[i] - full[i]) / std::abs(full[i]);
  const double worst = *std::max_element(errors.begin(), errors.end());
  const double middle = test::median(errors);
  const bool good = worst <= 1e-5 && middle <= 1e-6;
  fmt::print(
      "{{\"bench\": \"precision\", \"data\": \"{}\", \"preprocess\": \"{}\", \"entries\": {}, \"worst\": "
      "{:.3g}, "
      "\"median\": {:.3g}, \"ok\": {}}}\n",
      source, fmt::join(steps, " "), errors.size(), worst, middle, good);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  mpi::Session session;
  if (!mpi::Communicator::world().is_root()) return 0;
  bool check = false;
  std::string samples = "2000";
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--check")
      check = true;
    else if (std::string(argv[i]) == "--samples" && i + 1 < argc)
      samples = argv[++i];
  }
  const mpi::Communicator self = mpi::Communicator::self();
  bool good = compare(self, "digits:train", {}) && compare(self, "digits:train", {"standardize"});
  if (std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    for (const std::vector<std::string>& steps : {std::vector<std::string>{}, {"standardize"}})
      good = compare(self, "fashion-mnist:train[:" + samples + "]", steps) && good;
  return check && !good ? 1 : 0;
}
