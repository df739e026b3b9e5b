#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "src/base/index.hpp"
#include "src/base/sample_shape.hpp"
#include "src/dkm/kernel_map.hpp"

namespace widegram::dkm {

/// What a sparse or convolutional deep kernel machine is made of: a list of layers that carry three kernels,
/// ii of the inducing points with each other, ti of every position of a sample with them, and t of each
/// position with itself. A vector of D features is an image of one pixel. Sources: Yang et al. 2023 (sparse);
/// Milsom et al. 2024 (convolutional).

struct Layer;
using Network = std::vector<Layer>;

/// Features of the inducing patches, learned, beside those of the samples' patches: products over size^2 C
/// numbers, zeros around the border; t averages the mean square of a pixel over its patch inside the image.
struct InputLayer {
  Index points = 16;
  Index size = 3;  ///< odd; 1 for vectors
};

/// K <- w k(G) + b, w and b learned in logs. Jitter as in the authors' program: a <- a (1 + eps) + eps on the
/// diagonals that go into k, and again on those that leave; k_t comes from t without the first.
struct MapLayer {
  MapSpec map;
  double weight = 1.0;
  double bias = 0.1;
};

/// Mixes inducing points over a size x size window with weights W / sqrt(P_in), W learned, standard normal at
/// first; zeros around the border (size / 2); t averages over what of the window is inside.
struct ConvLayer {
  Index points = 16;
  Index size = 3;  ///< odd
  Index stride = 1;
};

/// The learned Gram G = V V^T / P of the inducing points in place of their kernel, and what it says of ti and
/// t: F = K_ti K^-1, G_ti = F G, g_t = k_t - F K_it + F G F^T.
struct GramLayer {
  double nu = 1.0;  ///< times the model's: weight of the layer's KL
};

/// Which root of a mean of variances a kernel is divided by.
enum class Norm {
  none,
  global,    ///< over all points or, for t, samples of the batch and positions
  local,     ///< its own
  location,  ///< t alone: over the samples of the batch, each position for itself
  image      ///< t alone: over the positions, each sample for itself
};
/// What is multiplied with behind a norm, learned in logs.
enum class Scale {
  none,
  global,  ///< one number
  local    ///< one an inducing point; for t, one a position
};

/// No running averages: what a sample gets depends on its batch where the norm is global or of a location.
struct NormLayer {
  Norm inducing = Norm::global;  ///< none, global or local
  Norm data = Norm::global;
  Scale inducing_scale = Scale::global;
  Scale data_scale = Scale::global;
};

/// weight * layers + shortcut_weight * shortcut; an empty shortcut is the identity.
struct ResidualLayer {
  Network layers;
  Network shortcut;
  double weight = 0.5;
  double shortcut_weight = 0.5;
};

/// Mean over the positions; t is the variance of that mean where the positions' parts that the inducing
/// points do not explain are independent.
struct PoolLayer {};

struct Layer : std::variant<InputLayer, MapLayer, ConvLayer, GramLayer, NormLayer, ResidualLayer, PoolLayer> {
  using variant::variant;
  const variant& kind() const { return *this; }
};

enum class Likelihood { gaussian, categorical };

/// Top and training objective of a network: batch mean of E_q[log p(y | f)] plus (sum of KL terms) / N.
struct ModelSpec {
  Network network;
  SampleShape shape;
  Index outputs = 1;
  Likelihood likelihood = Likelihood::gaussian;
  double noise = 1.0;  ///< sigma^2 of a Gaussian likelihood
  bool learn_noise = false;
  Index samples = 1000;  ///< reparameterised ones of a categorical likelihood
  double nu = 1.0;       ///< weight of the Gram layers' KL
  double jitter = 1e-4;
  bool taylor = false;  ///< (nu/4) |G^-1 K - I|^2 in place of the KL
  /// Stochastic kernel regularisation, gamma: in training G~ = C Z Z^T C^T / n + 0.1 I with n = ceil(P /
  /// gamma) and Z standard normal stands for G = C C^T, else G + 0.1 I; 0: none. Source: Milsom et al. 2024,
  /// Stochastic kernel regularisation.
  double stochastic = 0;
  bool clamp_negative = false;  ///< a g_t below 0 becomes 0; else it is an error
  std::uint64_t seed = 0;       ///< of mixing weights, of draws in training
};

/// Input and `depth` layers [map, Gram], then a map: the sparse model on vectors.
Network sparse_network(Index depth, Index points, const MapSpec& map);

/// The convolutional ResNet-20 of Milsom et al. 2024: input, map, conv, Gram, norm, three stages of three
/// chunks with 16 s, 32 s, 64 s inducing points, each stage beginning with stride 2, pooling, norm. A chunk
/// is half its input and half [map, conv, Gram, norm] twice; where it changes the shape its input passes a 1
/// x 1 convolution and a norm (no Gram: with more points than it reads such a convolution's ii is singular by
/// itself).
Network resnet20(Index s, const MapSpec& map, const NormLayer& norm = {});

/// Throws Error(usage) that names the layer: one that cannot stand where it is, even sizes, shapes that do
/// not meet, more than one position under the output.
void check_spec(const ModelSpec& spec);

}  // namespace widegram::dkm
