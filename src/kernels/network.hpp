#pragma once

#include <string>
#include <variant>
#include <vector>

#include "src/base/index.hpp"
#include "src/kernels/activation.hpp"

namespace widegram::kernels {

/// What an infinitely wide network is made of. Conventions of neural-tangents with parameterization="ntk":
/// see each layer. A network is a list of layers; the input is an image of C channels or (1 x 1 pixel) a
/// vector of D features, and its covariance is <x_p, z_p'> / C for every pair of pixels.

struct Layer;
using Network = std::vector<Layer>;

/// How a convolution treats the border: zeros around (JAX's SAME), none, or wrapped.
enum class Padding { same, valid, circular };

/// As the job file writes it.
const char* to_string(Padding padding);

/// K <- w K + b, T <- K_new + w T; w, b the weight and bias variances. On an image it acts on each pixel
/// alone, as stax.Dense does on channels: flatten first for one that sees the whole image.
struct Dense {
  double weight_variance = 1.0;
  double bias_variance = 0.0;
};

/// Mean over the size x size window of both pixels (missing taps count as zeros), then as Dense.
struct Conv {
  Index size = 3;
  Index stride = 1;
  Padding padding = Padding::same;
  double weight_variance = 1.0;
  double bias_variance = 0.0;
};

/// Mean over a size x size window of both pixels, no padding.
struct AvgPool {
  Index size = 2;
  Index stride = 2;
};

/// Mean over all pairs of pixels.
struct GlobalAvgPool {};

/// Mean over the pairs (p, p): what a dense layer on the flattened image sees.
struct Flatten {};

/// Over channels: K, T divided by sqrt((q11 + eps)(q22 + eps)).
struct LayerNorm {
  double epsilon = 1e-12;
};

/// Variances times 1/keep where both sides are the same sample and pixel.
struct Dropout {
  double keep = 1.0;
};

/// The layers, `times` over.
struct Repeat {
  Index times = 1;
  Network layers;
};

/// scale^2 * branch + shortcut (an empty shortcut is the identity); weights of the two are independent.
struct Residual {
  Network layers;
  Network shortcut;
  double scale = 1.0;
};

/// Elementwise product of independent branches: K = prod K_i, T = sum_i T_i prod_{j != i} K_j.
struct Product {
  std::vector<Network> branches;
};

struct Layer : std::variant<Dense, Conv, AvgPool, GlobalAvgPool, Flatten, LayerNorm, Dropout, Repeat,
                            Residual, Product, Activation> {
  using variant::variant;
  const variant& kind() const { return *this; }
};

/// Which function of the network a Gram holds.
enum class Function { nngp, ntk };

/// The layers that compute (no repeat, residual, product) in the order in which a network runs them: a
/// repeat's layers as often as it says, a residual's branch before its shortcut, a product's branches one
/// after another.
std::vector<Layer> execution_order(const Network& network);

/// How many layers execution_order() has, without writing them down; may be any large number.
double executed_layers(const Network& network);

/// Whether a layer drops anything: then a sample differs from its own copy.
bool drops_out(const Network& network);

/// Whether a layer averages over pairs of different pixels (average pools). Where none does, the pairs of a
/// pixel with itself are all that reaches the output.
bool mixes_pixels(const Network& network);

}  // namespace widegram::kernels
