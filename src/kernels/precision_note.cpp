#include "src/kernels/precision_note.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>

#include "src/base/error.hpp"
#include "src/base/matrix.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/pixel_engine.hpp"

namespace widegram::kernels {
namespace {

constexpr Index count = 5;
constexpr std::array<std::int64_t, count> ids{0, 1, 2, 3, 4};

/// A smooth picture, another one for each number.
double wave(Index number, Index channel, Index y, Index x) {
  double sum = 0;
  for (int k = 1; k <= 4; ++k) {
    const double turn = static_cast<double>(5 * number + 3 * channel + k);
    sum += std::sin(0.4 * std::sin(2.1 * turn) * static_cast<double>(y) +
                    0.4 * std::cos(1.3 * turn) * static_cast<double>(x) + turn);
  }
  return 0.7 * sum;
}

/// A sample a column; a vector counts as one row of pixels.
Matrix<float> made_up_inputs(const SampleShape& input) {
  const SampleShape shape = input.is_vector() ? SampleShape{1, 1, input.features()} : input;
  Matrix<float> inputs(shape.features(), count);
  for (Index i = 0; i < inputs.rows(); ++i) {
    const Index channel = i / shape.pixels(), y = i % shape.pixels() / shape.width, x = i % shape.width;
    const double first = wave(0, channel, y, x);
    const double flat = 0.7 - 0.3 * static_cast<double>(channel);
    const double speck = i % 7 == 0 ? 1.0 / 256 : 0.0;
    const bool left = 2 * x < shape.width;
    const std::array<double, count> values{first, first + 0.2 * wave(1, channel, y, x), left ? flat : first,
                                           left ? flat : wave(2, channel, y, x),
                                           left ? wave(3, channel, y, x) : first + speck};
    for (Index j = 0; j < count; ++j) inputs(i, j) = static_cast<float>(values[static_cast<std::size_t>(j)]);
  }
  return inputs;
}

/// The entries of one precision.
template <class Real>
class Entries {
 public:
  Entries(const Engine<Real>& engine, const Matrix<float>& inputs) : engine_(engine) {
    Matrix<Real> own(inputs.rows(), inputs.cols());
    std::copy_n(inputs.data(), inputs.rows() * inputs.cols(), own.data());
    samples_ = engine.prepare(own.view(), ids, SampleOrder::single);
  }

  double entry(Function function, Index i, Index j) const {
    Real value = 0;
    const MatrixView<Real> view(&value, 1, 1, 1);
    const TileOutput<Real> out = function == Function::ntk ? TileOutput<Real>{.nngp = {}, .ntk = view}
                                                           : TileOutput<Real>{.nngp = view, .ntk = {}};
    engine_.tile(*samples_, i, *samples_, j, std::span(&out, 1));
    return static_cast<double>(value);
  }
  double diagonal(Function function, Index i) const { return samples_->diagonal(function, i); }

 private:
  const Engine<Real>& engine_;
  std::unique_ptr<Prepared> samples_;
};

}  // namespace

double float32_distance(const Network& network, std::span<const Function> functions,
                        const SampleShape& input) {
  constexpr Index edge = 1;  // a pair a tile
  const auto engine = make_engine<float>(network, input, edge);
  if (dynamic_cast<const PixelEngine<float>*>(engine.get()) != nullptr) return 0;
  const auto exact_engine = make_engine<double>(network, input, edge);
  const Matrix<float> inputs = made_up_inputs(input);
  const Entries<double> exact(*exact_engine, inputs);
  const Entries<float> single(*engine, inputs);
  double worst = 0;
  for (const Function function : functions)
    for (Index j = 0; j < count; ++j)
      for (Index i = j + 1; i < count; ++i) {
        const double scale = std::sqrt(exact.diagonal(function, i)) * std::sqrt(exact.diagonal(function, j));
        const double expected = exact.entry(function, i, j);
        if (!std::isfinite(expected) || !std::isfinite(scale))
          throw Error(ExitCode::numerical, "made-up inputs of about 1 overflow the network");
        const double difference = std::abs(single.entry(function, i, j) - expected);
        if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
        if (difference > 0) worst = std::max(worst, difference / scale);
      }
  return worst;
}

std::string precision_note(std::span<const Network> networks, std::span<const Function> functions,
                           const SampleShape& input) {
  double worst = 0;
  try {
    for (const Network& network : networks)
      worst = std::max(worst, float32_distance(network, functions, input));
  } catch (const Error& error) {
    if (error.code() != ExitCode::numerical) throw;
    return "not known: values of about 1 overflow this network";
  }
  if (worst == 0) return "rounded from values in double";
  if (std::isinf(worst))
    return "overflows on values of about 1, which float64 can hold: see kernel.precision";
  const std::string found = fmt::format("{:.1e} on made-up inputs that are alike in parts", worst);
  if (worst <= float32_tolerance) return fmt::format("within 5e-6 of float64 ({})", found);
  return fmt::format("further than 5e-6 from float64 ({}): kernel.precision = \"float64\" mends it", found);
}

}  // namespace widegram::kernels
