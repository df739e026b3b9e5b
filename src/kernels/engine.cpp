#include "src/kernels/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/error.hpp"
#include "src/kernels/dense_engine.hpp"
#include "src/kernels/pixel_engine.hpp"
#include "src/kernels/plane_engine.hpp"
#include "src/kernels/separate_engines.hpp"
#include "src/kernels/shapes.hpp"

namespace widegram::kernels {
namespace {

/// A network that flattens images before anything else sees their pixels one by one is one on vectors.
bool flattens_first(const Network& network) {
  return !network.empty() && std::holds_alternative<Flatten>(network.front().kind());
}

/// The one for networks on images in one pass; none where planes do not know them, and why.
template <class Real>
std::unique_ptr<Engine<Real>> make_planes(std::span<const Network> networks, const SampleShape& input,
                                          Index tile_edge, std::string& why) {
  std::optional<PlaneProgram> program = plane_program(networks, input, &why);
  if (!program) return nullptr;
  if (!PlaneEngine<Real>::fits(input)) {
    why = fmt::format("rows of {} pixels", input.width);
    return nullptr;
  }
  return std::make_unique<PlaneEngine<Real>>(std::vector(networks.begin(), networks.end()), input, tile_edge,
                                             std::move(*program));
}

/// Whether pixels count one by one.
bool sees_pixels(const Network& network, const SampleShape& input) {
  return !input.is_vector() && !flattens_first(network);
}

/// The fastest one for a network alone.
template <class Real>
std::unique_ptr<Engine<Real>> make_one(const Network& network, SampleShape input, Index tile_edge) {
  if (input.is_vector()) return std::make_unique<DenseEngine<Real>>(network, input.features(), tile_edge);
  if (flattens_first(network))
    return std::make_unique<DenseEngine<Real>>(Network(network.begin() + 1, network.end()), input.features(),
                                               tile_edge);
  std::string why;
  if (auto planes = make_planes<Real>(std::span(&network, 1), input, tile_edge, why)) return planes;
  return std::make_unique<PixelEngine<Real>>(network, input, tile_edge, why);
}

}  // namespace

template <class Real>
std::unique_ptr<Engine<Real>> make_engine(std::span<const Network> networks, SampleShape input,
                                          Index tile_edge) {
  if (tile_edge < 1)
    throw Error(ExitCode::usage, fmt::format("gram.tile = {}: a tile needs at least one row", tile_edge));
  for (const Network& network : networks) check_shapes(network, input);
  const bool on_pixels = std::all_of(networks.begin(), networks.end(),
                                     [&](const Network& network) { return sees_pixels(network, input); });
  std::string why;
  if (networks.size() > 1 && on_pixels)
    if (auto planes = make_planes<Real>(networks, input, tile_edge, why)) return planes;
  std::vector<std::unique_ptr<Engine<Real>>> engines;
  for (const Network& network : networks) engines.push_back(make_one<Real>(network, input, tile_edge));
  if (engines.size() == 1) return std::move(engines.front());
  return std::make_unique<SeparateEngines<Real>>(std::move(engines));
}

template std::unique_ptr<Engine<float>> make_engine(std::span<const Network>, SampleShape, Index);
template std::unique_ptr<Engine<double>> make_engine(std::span<const Network>, SampleShape, Index);

}  // namespace widegram::kernels
