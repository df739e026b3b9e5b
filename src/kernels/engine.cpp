#include "src/kernels/engine.hpp"

#include <fmt/format.h>

#include "src/base/error.hpp"
#include "src/kernels/dense_engine.hpp"
#include "src/kernels/pixel_engine.hpp"
#include "src/kernels/shapes.hpp"

namespace widegram::kernels {
namespace {

/// A network that flattens images before anything else sees their pixels one by one is one on vectors.
bool flattens_first(const Network& network) {
  return !network.empty() && std::holds_alternative<Flatten>(network.front().kind());
}

}  // namespace

template <class Real>
std::unique_ptr<Engine<Real>> make_engine(const Network& network, SampleShape input, Index tile_edge) {
  if (tile_edge < 1)
    throw Error(ExitCode::usage, fmt::format("gram.tile = {}: a tile needs at least one row", tile_edge));
  check_shapes(network, input);
  if (input.is_vector()) return std::make_unique<DenseEngine<Real>>(network, input.features(), tile_edge);
  if (flattens_first(network))
    return std::make_unique<DenseEngine<Real>>(Network(network.begin() + 1, network.end()), input.features(),
                                               tile_edge);
  return std::make_unique<PixelEngine<Real>>(network, input);
}

template std::unique_ptr<Engine<float>> make_engine(const Network&, SampleShape, Index);
template std::unique_ptr<Engine<double>> make_engine(const Network&, SampleShape, Index);

}  // namespace widegram::kernels
