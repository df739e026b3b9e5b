#include "src/dkm/network.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/base/error.hpp"

namespace widegram::dkm {
namespace {

/// A chunk of the residual network.
void add_chunk(Network& network, Index points, Index stride, bool reshapes, const MapSpec& map,
               const NormLayer& norm) {
  ResidualLayer chunk;
  for (const Index s : {stride, Index{1}})
    chunk.layers.insert(chunk.layers.end(),
                        {MapLayer{.map = map}, ConvLayer{.points = points, .stride = s}, GramLayer{}, norm});
  if (reshapes) chunk.shortcut = {ConvLayer{.points = points, .size = 1, .stride = stride}, norm};
  network.push_back(chunk);
}

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::usage, message); }

/// Follows the shape of a value through the layers.
struct Walk {
  Index points = 0;  // 0: no input yet
  Index height, width;

  void operator()(const InputLayer& layer) {
    if (points != 0) refuse("a deep kernel machine's input layer comes first, and once");
    if (layer.points < 1) refuse("a deep kernel machine needs inducing points");
    if (layer.size < 1 || layer.size % 2 == 0)
      refuse(fmt::format("patches of size {}: an odd size is needed", layer.size));
    points = layer.points;
  }
  void operator()(const MapLayer& layer) {
    started("a kernel map");
    if (!(layer.weight > 0) || !(layer.bias > 0))
      refuse("w and b of a kernel map are above zero, since they are learned in logs");
  }
  void operator()(const ConvLayer& layer) {
    started("a convolution");
    if (layer.points < 1) refuse("a convolution of a deep kernel machine needs inducing points");
    if (layer.size < 1 || layer.size % 2 == 0)
      refuse(fmt::format("a convolution of size {}: an odd size is needed", layer.size));
    if (layer.stride < 1) refuse("a convolution's stride is 1 or more");
    points = layer.points;
    const Index pad = layer.size / 2;
    height = (height + 2 * pad - layer.size) / layer.stride + 1;
    width = (width + 2 * pad - layer.size) / layer.stride + 1;
  }
  void operator()(const GramLayer&) { started("a Gram layer"); }
  void operator()(const NormLayer& layer) {
    started("a norm");
    if (layer.inducing == Norm::location || layer.inducing == Norm::image)
      refuse("inducing points have no location or image: their norm is none, global or local");
  }
  void operator()(const ResidualLayer& layer) {
    started("a residual");
    Walk branch = *this, shortcut = *this;
    branch.follow(layer.layers);
    shortcut.follow(layer.shortcut);
    if (branch.points != shortcut.points || branch.height != shortcut.height ||
        branch.width != shortcut.width)
      refuse(fmt::format(
          "a residual's branch ends with {} points of {} x {}, its shortcut with {} of {} x {}",
          branch.points, branch.height, branch.width, shortcut.points, shortcut.height, shortcut.width));
    *this = branch;
  }
  void operator()(const PoolLayer&) {
    started("a pooling layer");
    height = width = 1;
  }

  void follow(const Network& network) {
    for (const Layer& layer : network) std::visit(*this, layer.kind());
  }

 private:
  void started(const char* what) const {
    if (points == 0) refuse(fmt::format("{} cannot come before the input layer", what));
  }
};

}  // namespace

Network sparse_network(Index depth, Index points, const MapSpec& map) {
  Network network{InputLayer{.points = points, .size = 1}};
  for (Index l = 0; l < depth; ++l) network.insert(network.end(), {MapLayer{.map = map}, GramLayer{}});
  network.push_back(MapLayer{.map = map});
  return network;
}

Network resnet20(Index s, const MapSpec& map, const NormLayer& norm) {
  const Index points = 16 * s;
  Network network{InputLayer{.points = points}, MapLayer{.map = map}, ConvLayer{.points = points},
                  GramLayer{}, norm};
  for (const Index stage : {1, 2, 3})
    for (const Index chunk : {0, 1, 2})
      add_chunk(network, points << (stage - 1), chunk == 0 ? 2 : 1, chunk == 0, map, norm);
  network.insert(network.end(), {PoolLayer{}, norm});
  return network;
}

void check_spec(const ModelSpec& spec) {
  Walk walk{.height = spec.shape.height, .width = spec.shape.width};
  walk.follow(spec.network);
  if (walk.points == 0) refuse("a deep kernel machine begins with an input layer");
  if (walk.height != 1 || walk.width != 1)
    refuse(fmt::format("{} x {} positions reach the output: a pooling layer is needed", walk.height,
                       walk.width));
  if (spec.outputs < 1) refuse("a deep kernel machine needs an output");
  if (!(spec.noise > 0)) refuse("the noise of a Gaussian likelihood is above zero");
  if (spec.likelihood == Likelihood::categorical && spec.samples < 1)
    refuse("a categorical likelihood needs samples");
  if (spec.stochastic < 0) refuse("gamma of the stochastic kernel regularisation is above zero");
  if (spec.jitter < 0) refuse("the jitter is not negative");
}

}  // namespace widegram::dkm
