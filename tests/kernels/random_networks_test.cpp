#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "src/kernels/canonical.hpp"
#include "src/kernels/shapes.hpp"
#include "tests/kernels/gram_of.hpp"
#include "tests/kernels/reference.hpp"

namespace widegram::kernels {
namespace {

/// Draws networks of every kind of layer, nested ones included, that keep the pixels of what they get unless
/// told.
class NetworkDice {
 public:
  explicit NetworkDice(unsigned seed) : generator_(seed) {}

  Index below(Index n) { return static_cast<Index>(generator_() % static_cast<unsigned>(n)); }
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(below(1000)) / 999.0;
  }

  Activation activation() {
    switch (below(6)) {
      case 0:
        return Erf{};
      case 1:
        return Gelu{};
      case 2:
        return Sine{};
      case 3:
        return AbRelu{between(-1, 1), 1.0};
      default:
        return AbRelu{};
    }
  }

  Layer weights(bool image) {
    const double weight = between(0.5, 2.0);
    const double bias = below(2) == 0 ? 0.0 : between(0.0, 0.3);
    if (!image) return Dense{weight, bias};
    const Padding padding = below(2) == 0 ? Padding::same : Padding::circular;
    return Conv{1 + 2 * below(3), 1, padding, weight, bias};
  }

  /// Layers that leave the pixels as many as they are.
  Network keeping(bool image, int nesting) {
    Network network{weights(image)};
    const Index kind = nesting > 0 ? below(6) : below(3);
    if (kind == 1) network.emplace_back(LayerNorm{});
    network.emplace_back(activation());
    if (kind == 2) network.emplace_back(Dropout{between(0.5, 1.0)});
    if (kind == 3) network.emplace_back(Repeat{2, keeping(image, nesting - 1)});
    if (kind == 4)
      network.emplace_back(Residual{keeping(image, nesting - 1),
                                    below(2) == 0 ? Network{} : Network{weights(image)}, between(0.3, 1.0)});
    if (kind == 5)
      network.emplace_back(Product{{keeping(image, nesting - 1), {weights(image)}, keeping(image, 0)}});
    return network;
  }

  /// A layer that takes pixels away, where there are enough.
  Layer shrinking() {
    switch (below(4)) {
      case 0:
        return AvgPool{2, 1 + below(2)};
      case 1:
        return Conv{3, 2, Padding::same, 1.5, 0.1};
      case 2:
        return Conv{3, 2, Padding::circular, 1.5, 0.0};
      default:
        return Conv{3, 1 + below(2), Padding::valid, 1.5, 0.1};
    }
  }

 private:
  std::mt19937 generator_;
};

void append(Network& network, const Network& more) {
  network.insert(network.end(), more.begin(), more.end());
}

void compare(const Network& network, const SampleShape& shape, unsigned seed) {
  SCOPED_TRACE(canonical(network) + " on " + to_string(shape));
  auto samples = test::random_samples(4, shape.features(), seed);
  samples[3] = samples[0];
  samples[3][0] += 3.0 / 8;
  const auto gram = test::gram_of<double>(network, shape, samples);
  for (Index i = 0; i < 4; ++i)
    for (Index j = 0; j <= i; ++j) {
      const auto expected = test::reference_entry(network, shape, samples[static_cast<std::size_t>(i)],
                                                  samples[static_cast<std::size_t>(j)], i == j);
      EXPECT_NEAR(gram.nngp(i, j), expected.nngp, 1e-11 * (1 + std::abs(gram.nngp(i, i)))) << i << ", " << j;
      EXPECT_NEAR(gram.ntk(i, j), expected.ntk, 1e-11 * (1 + std::abs(gram.ntk(i, i)))) << i << ", " << j;
    }
}

TEST(RandomNetworks, DenseEngineAgreesWithTheReference) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    NetworkDice dice(seed);
    Network network = dice.keeping(false, 2);
    if (dice.below(2) == 0) append(network, dice.keeping(false, 1));
    network.emplace_back(Dense{1.0, 0.1});
    compare(network, {3 + dice.below(9), 1, 1}, seed);
  }
}

TEST(RandomNetworks, PixelEngineAgreesWithTheReference) {
  int outer = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    NetworkDice dice(1000 + seed);
    Network network = dice.keeping(true, 1);
    network.push_back(dice.shrinking());
    if (dice.below(2) == 0) append(network, dice.keeping(true, 1));
    if (dice.below(2) == 0)
      network.emplace_back(Flatten{});
    else
      network.emplace_back(GlobalAvgPool{});
    append(network, dice.keeping(false, 1));
    network.emplace_back(Dense{});
    outer += mixes_pixels(network) ? 1 : 0;
    compare(network, {1 + dice.below(3), 3 + dice.below(3), 3 + dice.below(3)}, seed);
  }
  EXPECT_GT(outer, 10);
  EXPECT_LT(outer, 38);
}

TEST(RandomNetworks, OnePixelIsAnImageToo) {
  const Network network{Conv{3, 2, Padding::same, 2.0, 0.1},
                        AbRelu{},
                        Conv{3, 1, Padding::circular, 1.5, 0.0},
                        Gelu{},
                        AvgPool{1, 1},
                        GlobalAvgPool{},
                        Flatten{},
                        Dense{}};
  compare(network, {3, 1, 1}, 1);
}

}  // namespace
}  // namespace widegram::kernels
