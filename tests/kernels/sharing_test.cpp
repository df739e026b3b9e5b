// What entries of a tile share: several networks from one pass, mirror images, samples that meet themselves.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "src/kernels/canonical.hpp"
#include "src/kernels/flips.hpp"
#include "src/kernels/presets.hpp"
#include "src/kernels/tile_pairs.hpp"
#include "tests/kernels/gram_of.hpp"

namespace widegram::kernels {
namespace {

using test::columns;
using test::ids_from;
using test::random_samples;
using Samples = std::vector<std::vector<double>>;
using Place = std::pair<Index, Index>;

constexpr SampleShape images{2, 3, 5};

/// Every image, then its mirror image.
Samples with_mirror_images(const Samples& samples, const SampleShape& shape) {
  Samples all;
  for (const auto& sample : samples) {
    all.push_back(sample);
    auto& mirrored = all.emplace_back(sample);
    for (auto row = mirrored.begin(); row != mirrored.end(); row += shape.width)
      std::reverse(row, row + shape.width);
  }
  return all;
}

/// Convolutions under an average pool, with biases, ending in `end`.
Network pooled(const Layer& end) {
  return {Conv{.weight_variance = 2.0, .bias_variance = 0.1},
          AbRelu{},
          AvgPool{.size = 2, .stride = 1},
          Conv{.size = 1, .weight_variance = 1.5},
          Erf{},
          end,
          Dense{}};
}

// --- which networks are blind to left and right

Network one(const Layer& layer) { return {layer, GlobalAvgPool{}, Dense{}}; }

bool equivariant(const Layer& layer, Index width) { return flip_equivariant(one(layer), {1, 64, width}); }

TEST(Flips, WindowsThatLieSymmetricallyTreatLeftAndRightAlike) {
  for (const Padding padding : {Padding::same, Padding::valid, Padding::circular})
    for (const Index size : {1, 3, 5}) EXPECT_TRUE(equivariant(Conv{.size = size, .padding = padding}, 8));
  // Stride 2 on 8 columns: valid windows of 3 leave out the last; padded ones want one zero more on one side.
  EXPECT_FALSE(equivariant(Conv{.stride = 2, .padding = Padding::valid}, 8));
  EXPECT_TRUE(equivariant(Conv{.stride = 2, .padding = Padding::valid}, 9));
  EXPECT_FALSE(equivariant(Conv{.stride = 2}, 8));
  EXPECT_TRUE(equivariant(Conv{.stride = 2}, 9));
  EXPECT_FALSE(equivariant(Conv{.stride = 2, .padding = Padding::circular}, 8));
  EXPECT_FALSE(equivariant(Conv{.size = 1, .stride = 2}, 8));
  EXPECT_TRUE(equivariant(Conv{.size = 1, .stride = 2}, 7));
  EXPECT_TRUE(equivariant(AvgPool{}, 8));
  EXPECT_FALSE(equivariant(AvgPool{}, 7));
  EXPECT_TRUE(equivariant(AvgPool{.size = 3, .stride = 2}, 7));
  // Heights do not matter.
  EXPECT_TRUE(flip_equivariant(one(AvgPool{}), {1, 7, 8}));
}

TEST(Flips, ShapesAreFollowedThroughTheNetwork) {
  // 12 -> 6 -> 3: the third pool leaves out a column, though the first does not.
  const Network pools{Repeat{2, {AvgPool{}}}, GlobalAvgPool{}, Dense{}};
  EXPECT_TRUE(flip_equivariant(pools, {1, 12, 12}));
  EXPECT_FALSE(flip_equivariant({Repeat{3, {AvgPool{}}}, GlobalAvgPool{}, Dense{}}, {1, 12, 12}));
  EXPECT_TRUE(flip_equivariant({AvgPool{}, Conv{.stride = 2}, Flatten{}, Dense{}}, {1, 10, 10}));
  EXPECT_FALSE(flip_equivariant({Conv{.stride = 2}, Flatten{}, Dense{}}, {1, 10, 10}));
  const Network lopsided{Conv{.stride = 2}};
  const Network even{AvgPool{}};
  EXPECT_FALSE(flip_equivariant({Residual{lopsided, even}, Flatten{}, Dense{}}, {1, 10, 10}));
  EXPECT_FALSE(flip_equivariant({Residual{even, lopsided}, Flatten{}, Dense{}}, {1, 10, 10}));
  EXPECT_TRUE(flip_equivariant({Residual{even, even}, Flatten{}, Dense{}}, {1, 10, 10}));
  EXPECT_FALSE(flip_equivariant({Product{{even, lopsided}}, Flatten{}, Dense{}}, {1, 10, 10}));
  EXPECT_TRUE(flip_equivariant(preset("myrtle10", {}), {3, 32, 32}));
  EXPECT_TRUE(flip_equivariant(preset("cntk-gap", {.depth = 10000}), {3, 32, 32}));
  EXPECT_FALSE(flip_equivariant(preset("myrtle5", {}), {3, 34, 34}));
}

/// {K(x, z), K(fx, fz)}
std::pair<double, double> entry_and_its_mirror_image(const Network& network, const SampleShape& shape) {
  const auto samples = columns<double>(with_mirror_images(random_samples(2, shape.features(), 3), shape));
  const auto engine = make_engine<double>(network, shape, test::test_edge);
  const auto set = engine->prepare(samples.view(), ids_from(0, 4), SampleOrder::single);
  const auto gram = test::gram_of(*engine, *set, *set);
  return {gram.ntk(0, 2), gram.ntk(1, 3)};
}

TEST(Flips, TheKernelAgreesWithThePrediction) {
  for (Index width = 4; width <= 9; ++width)
    for (const Layer& layer : {Layer{Conv{}}, Layer{Conv{.stride = 2}}, Layer{Conv{.size = 1, .stride = 3}},
                               Layer{Conv{.stride = 2, .padding = Padding::valid}},
                               Layer{Conv{.stride = 3, .padding = Padding::circular}}, Layer{AvgPool{}},
                               Layer{AvgPool{.size = 3, .stride = 2}}}) {
      const SampleShape shape{1, 3, width};
      const Network network{layer, AbRelu{}, Conv{.stride = 1}, AbRelu{}, GlobalAvgPool{}, Dense{}};
      const auto [entry, mirrored] = entry_and_its_mirror_image(network, shape);
      EXPECT_EQ(flip_equivariant(network, shape), std::abs(entry - mirrored) < 1e-12 * std::abs(entry))
          << canonical(network) << " width " << width;
    }
}

// --- which pairs of a tile are computed

/// A set with nothing but its samples.
class PlainSet final : public SampleSet<double> {
 public:
  PlainSet(const Samples& samples, std::int64_t first_id, SampleOrder order)
      : SampleSet(columns<double>(samples).view(), ids_from(first_id, std::ssize(samples)), order, 1) {
    std::vector<double> nngp(samples.size());
    for (std::size_t i = 0; i < nngp.size(); ++i) nngp[i] = samples[i][0] * samples[i][0];
    add_diagonals(nngp, nngp, true);
  }
};

/// A tile by its pairs must be the tile that a plain loop makes with values that respect its symmetries.
void expect_tile_of_a_plain_loop(const PlainSet& rows, Index row, const PlainSet& cols, Index col,
                                 Extent extent, Sameness same, bool flips, Index most_pairs) {
  // A value of a pair of samples that is blind to their order and, where it should be, to flipping both.
  const auto value = [&](Index i, Index j) {
    const std::int64_t x = rows.id(row + i);
    const std::int64_t z = cols.id(col + j);
    const std::int64_t pair = flips ? (x ^ z) & 1 : 0;
    const std::int64_t a = flips ? x / 2 : x;
    const std::int64_t b = flips ? z / 2 : z;
    return static_cast<double>(a * b * 10 + (a + b) * 3 + pair);
  };
  const TilePairs pairs(rows, row, cols, col, extent, same, flips);
  Matrix<double> tile(extent.rows, extent.cols);
  std::fill_n(tile.data(), extent.rows * extent.cols, -1.0);
  const TileOutput<double> out{.nngp = tile.view(), .ntk = {}};
  std::set<Place> seen;
  Place before{-1, -1};
  for (const TilePair& pair : pairs.to_compute()) {
    EXPECT_TRUE(seen.insert({pair.row, pair.col}).second);
    EXPECT_LT(before, Place(pair.col, pair.row));
    before = {pair.col, pair.row};
    pairs.set(out, pair, value(pair.row, pair.col), 0);
  }
  pairs.set_equal(out, rows, row, 0);
  EXPECT_LE(std::ssize(seen), most_pairs);
  for (Index j = 0; j < extent.cols; ++j)
    for (Index i = 0; i < extent.rows; ++i) {
      const double expected =
          same(rows, row + i, cols, col + j) ? rows.diagonal(Function::nngp, row + i) : value(i, j);
      EXPECT_EQ(tile(i, j), expected) << i << ", " << j;
    }
}

TEST(TilePairs, ATileByItsPairsIsTheTileOfAPlainLoop) {
  const Samples samples = with_mirror_images(random_samples(6, images.features(), 5), images);
  for (const SampleOrder order : {SampleOrder::single, SampleOrder::flip_pairs}) {
    const PlainSet set(samples, 0, order);
    const PlainSet tests(random_samples(5, images.features(), 6), 100, SampleOrder::single);
    for (const bool flips : {false, true}) {
      const bool shared = flips && order == SampleOrder::flip_pairs;
      // Only where the set's order lets them be shared has the twin's value to be blind to flips.
      const auto check = [&](const PlainSet& rows, Index row, Index col, Extent extent, Index most) {
        expect_tile_of_a_plain_loop(rows, row, set, col, extent, Sameness{}, shared, most);
      };
      check(set, 0, 0, {8, 8}, shared ? 12 + 4 : 28);
      check(set, 8, 0, {4, 8}, shared ? 16 : 32);
      check(set, 8, 8, {4, 4}, shared ? 2 + 2 : 6);
      check(tests, 0, 8, {5, 4}, 20);
    }
  }
}

TEST(TilePairs, CopiesHaveTheDiagonalsValueUnlessOnlyTheSampleItselfDoes) {
  Samples originals = random_samples(4, images.features(), 7);
  originals[3] = originals[1];
  const PlainSet set(originals, 0, SampleOrder::single);
  const TilePairs by_inputs(set, 0, set, 0, {4, 4}, Sameness{}, true);
  const TilePairs by_ids(set, 0, set, 0, {4, 4}, Sameness{.only_ids = true}, true);
  EXPECT_EQ(by_inputs.to_compute().size(), 5U);
  EXPECT_EQ(by_ids.to_compute().size(), 6U);
  expect_tile_of_a_plain_loop(set, 0, set, 0, {4, 4}, Sameness{.only_ids = true}, false, 6);
}

// --- engines

template <class Real>
void expect_same_bits(const Matrix<Real>& a, const Matrix<Real>& b) {
  EXPECT_EQ(std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.rows() * a.cols()) * sizeof(Real)), 0);
}

template <class Real>
void expect_each_as_alone(const std::vector<Network>& networks, const SampleShape& shape, SampleOrder order) {
  const auto samples = columns<Real>(with_mirror_images(random_samples(5, shape.features(), 8), shape));
  const auto engine = make_engine<Real>(std::span(networks), shape, test::test_edge);
  ASSERT_EQ(engine->networks(), std::ssize(networks));
  const auto set = engine->prepare(samples.view(), ids_from(0, samples.cols()), order);
  const Index n = samples.cols();
  std::vector<test::Gram<Real>> grams;
  std::vector<TileOutput<Real>> outputs;
  double flops = 0;
  for (std::size_t k = 0; k < networks.size(); ++k) grams.push_back({Matrix<Real>(n, n), Matrix<Real>(n, n)});
  for (auto& gram : grams) outputs.push_back({gram.nngp.view(), gram.ntk.view()});
  engine->tile(*set, 0, *set, 0, outputs);
  for (std::size_t k = 0; k < networks.size(); ++k) {
    SCOPED_TRACE(canonical(networks[k]));
    const auto one = make_engine<Real>(networks[k], shape, test::test_edge);
    const auto one_set = one->prepare(samples.view(), ids_from(0, n), order);
    const auto alone = test::gram_of(*one, *one_set, *one_set);
    expect_same_bits(grams[k].nngp, alone.nngp);
    expect_same_bits(grams[k].ntk, alone.ntk);
    for (Index i = 0; i < n; ++i)
      for (const Function function : {Function::nngp, Function::ntk})
        EXPECT_EQ(set->diagonal(function, i, static_cast<Index>(k)), one_set->diagonal(function, i));
    flops += one->flops_per_entry(order);
  }
  EXPECT_LE(engine->flops_per_entry(order), flops * (1 + 1e-12));

  // One function of the last network alone, and nothing of the others.
  Matrix<Real> last(n, n);
  std::vector<TileOutput<Real>> some(networks.size());
  some.back().nngp = last.view();
  engine->tile(*set, 0, *set, 0, some);
  expect_same_bits(last, grams.back().nngp);
}

TEST(SeveralNetworks, EachGetsTheBitsThatItGetsAlone) {
  const std::vector<Network> depths{preset("cntk-gap", {.depth = 3}), preset("cntk-gap", {.depth = 1}),
                                    preset("cntk-gap", {.depth = 2})};
  const std::vector<Network> mixed{preset("dense", {}), pooled(Flatten{}), preset("cntk-flatten", {})};
  for (const SampleOrder order : {SampleOrder::single, SampleOrder::flip_pairs}) {
    expect_each_as_alone<float>(depths, images, order);
    expect_each_as_alone<double>(depths, images, order);
    expect_each_as_alone<float>(mixed, images, order);
    expect_each_as_alone<double>(mixed, images, order);
  }
}

template <class Real>
void expect_flips_change_nothing(const Network& network, double tolerance) {
  SCOPED_TRACE(canonical(network));
  Samples originals = random_samples(12, images.features(), 9);
  originals[7] = originals[2];
  originals[8] = with_mirror_images({originals[3]}, images)[1];
  const Samples samples = with_mirror_images(originals, images);
  const auto inputs = columns<Real>(samples);
  const auto engine = make_engine<Real>(network, images, test::test_edge);
  const Index n = inputs.cols();
  const auto single = engine->prepare(inputs.view(), ids_from(0, n), SampleOrder::single);
  const auto pairs = engine->prepare(inputs.view(), ids_from(0, n), SampleOrder::flip_pairs);
  const auto plain = test::gram_of(*engine, *single, *single);
  const auto shared = test::gram_of(*engine, *pairs, *pairs);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < n; ++i) {
      EXPECT_NEAR(shared.nngp(i, j), plain.nngp(i, j), tolerance * std::abs(double(plain.nngp(i, i))));
      EXPECT_NEAR(shared.ntk(i, j), plain.ntk(i, j), tolerance * std::abs(double(plain.ntk(i, i))));
    }
  for (Index i = 0; i < n; ++i)
    EXPECT_EQ(shared.ntk(i, i), static_cast<Real>(pairs->diagonal(Function::ntk, i)));
  EXPECT_EQ(shared.ntk(2 * 7, 2 * 2), shared.ntk(2 * 2, 2 * 2));
  EXPECT_EQ(shared.ntk(2 * 8, 2 * 3 + 1), shared.ntk(2 * 3, 2 * 3));

  // Test images stand alone: their entries are those of an unshared set.
  const auto test_inputs = columns<Real>(random_samples(3, images.features(), 10));
  const auto tests = engine->prepare(test_inputs.view(), ids_from(100, 3), SampleOrder::single);
  expect_same_bits(test::gram_of(*engine, *tests, *pairs).ntk, test::gram_of(*engine, *tests, *single).ntk);
}

TEST(FlipPairs, SharedEntriesAreThoseOfTheUnsharedSet) {
  for (const Network& network : {pooled(GlobalAvgPool{}), pooled(Flatten{}), preset("cntk-gap", {.depth = 2}),
                                 preset("cntk-flatten", {.depth = 2}), preset("dense", {})}) {
    expect_flips_change_nothing<double>(network, 1e-12);
    expect_flips_change_nothing<float>(network, 1e-5);
  }
  // A pool that leaves out the last column: nothing is shared, and all is right.
  const Network lopsided{Conv{}, AbRelu{}, AvgPool{}, GlobalAvgPool{}, Dense{}};
  ASSERT_FALSE(flip_equivariant(lopsided, images));
  const auto samples = columns<double>(with_mirror_images(random_samples(4, images.features(), 11), images));
  const auto engine = make_engine<double>(lopsided, images, test::test_edge);
  const auto single = engine->prepare(samples.view(), ids_from(0, 8), SampleOrder::single);
  const auto pairs = engine->prepare(samples.view(), ids_from(0, 8), SampleOrder::flip_pairs);
  expect_same_bits(test::gram_of(*engine, *pairs, *pairs).ntk, test::gram_of(*engine, *single, *single).ntk);
}

TEST(FlipPairs, HalfTheWorkIsCounted) {
  const auto engine = make_engine<float>(preset("cntk-gap", {}), images, 64);
  EXPECT_EQ(2 * engine->flops_per_entry(SampleOrder::flip_pairs),
            engine->flops_per_entry(SampleOrder::single));
  const auto samples = columns<float>(random_samples(3, images.features(), 12));
  EXPECT_THROW(engine->prepare(samples.view(), ids_from(0, 3), SampleOrder::flip_pairs), std::logic_error);
}

}  // namespace
}  // namespace widegram::kernels
