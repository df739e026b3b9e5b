#include "src/kernels/engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "src/kernels/canonical.hpp"
#include "src/kernels/presets.hpp"
#include "tests/kernels/gram_of.hpp"
#include "tests/kernels/reference.hpp"

namespace widegram::kernels {
namespace {

using test::Gram;
using test::gram_of;
using test::ids_from;
using test::random_samples;
using test::tile;
using Samples = std::vector<std::vector<double>>;

const Network relu3 = preset("dense", {});
const Network biased{Repeat{3, {Dense{1.5, 0.1}, AbRelu{}}}, Dense{}};

Network small_conv(const Layer& end) {
  return {Conv{.weight_variance = 2.0, .bias_variance = 0.1},
          AbRelu{},
          Conv{.weight_variance = 2.0},
          AbRelu{},
          end,
          Dense{}};
}

/// Entries relative to sqrt(K(i, i) K(j, j)).
template <class A, class B>
double largest_difference(const Matrix<A>& values, const Matrix<B>& expected) {
  double worst = 0;
  for (Index j = 0; j < expected.cols(); ++j)
    for (Index i = 0; i < expected.rows(); ++i) {
      const double scale = std::sqrt(double(expected(i, i)) * double(expected(j, j)));
      const double difference = std::abs(double(values(i, j)) - double(expected(i, j)));
      if (difference > 0) worst = std::max(worst, difference / scale);
    }
  return worst;
}

template <class Real>
void expect_same_bits(const Matrix<Real>& a, const Matrix<Real>& b) {
  ASSERT_EQ(a.rows(), b.rows());
  ASSERT_EQ(a.cols(), b.cols());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.rows() * a.cols()) * sizeof(Real)), 0);
}

TEST(DenseEngine, EqualSamplesHaveTheDiagonalsValue) {
  Samples samples = random_samples(40, 13, 1);
  samples[35] = samples[2];
  samples[17] = samples[16];
  const auto check = [&]<class Real>(Real) {
    const auto engine = make_engine<Real>(biased, {13, 1, 1}, test::test_edge);
    const auto inputs = test::columns<Real>(samples);
    const auto prepared = engine->prepare(inputs.view(), ids_from(0, 40), SampleOrder::single);
    const Gram<Real> gram = gram_of(*engine, *prepared, *prepared);
    for (const auto& [i, j] : {std::pair<Index, Index>{2, 35}, {35, 2}, {16, 17}, {5, 5}, {39, 39}}) {
      EXPECT_EQ(gram.nngp(i, j), static_cast<Real>(prepared->diagonal(Function::nngp, i)));
      EXPECT_EQ(gram.ntk(i, j), static_cast<Real>(prepared->diagonal(Function::ntk, i)));
    }
  };
  check(float{});
  check(double{});
}

TEST(DenseEngine, ReluDiagonalIsKnown) {
  const Samples samples = random_samples(3, 9, 2);
  const auto engine = make_engine<double>(relu3, {9, 1, 1}, test::test_edge);
  const auto inputs = test::columns<double>(samples);
  const auto prepared = engine->prepare(inputs.view(), ids_from(0, 3), SampleOrder::single);
  for (Index i = 0; i < 3; ++i) {
    double variance = 0;
    for (const double x : samples[static_cast<std::size_t>(i)]) variance += x * x / 9;
    // Each [dense(2), relu] keeps the variance and adds it to the tangent kernel once, as the readout does.
    EXPECT_NEAR(prepared->diagonal(Function::nngp, i), variance, 1e-14 * variance);
    EXPECT_NEAR(prepared->diagonal(Function::ntk, i), 4 * variance, 1e-14 * variance);
  }
}

TEST(DenseEngine, AnEntryDependsOnItsPairAndPlaceAlone) {
  const Samples samples = random_samples(70, 21, 3);
  const Matrix<float> inputs = test::columns<float>(samples);
  const auto engine = make_engine<float>(biased, {21, 1, 1}, test::test_edge);
  const auto all = engine->prepare(inputs.view(), ids_from(0, 70), SampleOrder::single);
  const Range rows{48, 64};
  const Range cols{16, 32};
  Gram<float> whole{Matrix<float>(16, 16), Matrix<float>(16, 16)};
  tile(*engine, *all, rows.begin, *all, cols.begin, {whole.nngp.view(), whole.ntk.view()});

  const auto some_rows =
      engine->prepare(inputs.view().block({0, 21}, rows), ids_from(48, 16), SampleOrder::single);
  const auto some_cols =
      engine->prepare(inputs.view().block({0, 21}, cols), ids_from(16, 16), SampleOrder::single);
  Gram<float> alone{Matrix<float>(16, 16), Matrix<float>(16, 16)};
  tile(*engine, *some_rows, 0, *some_cols, 0, {alone.nngp.view(), alone.ntk.view()});
  expect_same_bits(alone.nngp, whole.nngp);
  expect_same_bits(alone.ntk, whole.ntk);

  // Fewer samples, at the matrix's edge, and one function alone.
  const auto few =
      engine->prepare(inputs.view().block({0, 21}, {48, 53}), ids_from(48, 5), SampleOrder::single);
  Matrix<float> edge(5, 16);
  tile(*engine, *few, 0, *some_cols, 0, {.nngp = {}, .ntk = edge.view()});
  for (Index j = 0; j < 16; ++j)
    for (Index i = 0; i < 5; ++i) EXPECT_EQ(edge(i, j), whole.ntk(i, j));
}

TEST(DenseEngine, NngpAloneIsTheSame) {
  const auto inputs = test::columns<double>(random_samples(16, 7, 4));
  const auto engine = make_engine<double>(biased, {7, 1, 1}, test::test_edge);
  const auto prepared = engine->prepare(inputs.view(), ids_from(0, 16), SampleOrder::single);
  Matrix<double> alone(16, 16);
  tile(*engine, *prepared, 0, *prepared, 0, {.nngp = alone.view(), .ntk = {}});
  expect_same_bits(alone, gram_of(*engine, *prepared, *prepared).nngp);
}

TEST(DenseEngine, PermutedSamplesGivePermutedEntries) {
  const Index n = 33;
  const Samples samples = random_samples(n, 11, 5);
  const auto moved = [&](Index i) { return (i * 5 + 3) % n; };
  Samples permuted = samples;
  for (Index i = 0; i < n; ++i)
    permuted[static_cast<std::size_t>(moved(i))] = samples[static_cast<std::size_t>(i)];
  const auto gram = gram_of<double>(biased, {11, 1, 1}, samples);
  const auto other = gram_of<double>(biased, {11, 1, 1}, permuted);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i < n; ++i)
      EXPECT_NEAR(other.ntk(moved(i), moved(j)), gram.ntk(i, j), 1e-13 * std::abs(gram.ntk(i, i)));
}

/// Samples at distances from far down to one unit in the last place of float32, and opposite ones.
Samples nearly_equal_samples(Index features) {
  Samples samples = random_samples(4, features, 6);
  for (int bits = 2; bits <= 22; bits += 2) {
    samples.push_back(samples[0]);
    samples.back()[3] = static_cast<float>(samples[0][3] + 1.3 * std::ldexp(1.0, -bits));
  }
  for (const double factor : {2.0, 3.0, -1.0, -0.7}) {
    samples.push_back(samples[0]);
    for (double& x : samples.back()) x = static_cast<float>(factor * x);
  }
  return samples;
}

TEST(DenseEngine, SinglePrecisionStaysCloseToDoubleAlsoBetweenNearDuplicates) {
  const std::vector<Network> networks{relu3,
                                      biased,
                                      {Repeat{12, {Dense{2.0, 0.0}, AbRelu{}}}, Dense{}},
                                      {Repeat{2, {Dense{1.5, 0.2}, AbRelu{-1, 1}}}, Dense{}},
                                      {Repeat{3, {Dense{2.0, 0.1}, Erf{}}}, Dense{}},
                                      {Repeat{2, {Dense{2.0, 0.1}, LayerNorm{}, AbRelu{}}}, Dense{}},
                                      // All correlations come near to 1 behind the first layers.
                                      {Repeat{6, {Dense{0.1, 1.0}, AbRelu{}}}, Dense{}}};
  for (const Network& network : networks) {
    SCOPED_TRACE(canonical(network));
    const Samples samples = nearly_equal_samples(50);
    const auto single = gram_of<float>(network, {50, 1, 1}, samples);
    const auto twin = gram_of<double>(network, {50, 1, 1}, samples);
    EXPECT_LT(largest_difference(single.nngp, twin.nngp), 1e-6);
    EXPECT_LT(largest_difference(single.ntk, twin.ntk), 5e-6);
  }
}

TEST(DenseEngine, AZeroSampleIsNoNan) {
  Samples samples = random_samples(5, 6, 7);
  samples[1].assign(6, 0.0);
  samples[4].assign(6, 0.0);
  const auto gram = gram_of<float>(relu3, {6, 1, 1}, samples);
  for (Index i = 0; i < 5; ++i) {
    EXPECT_EQ(gram.ntk(1, i), 0.0F);
    EXPECT_EQ(gram.nngp(i, 4), 0.0F);
  }
  const auto with_bias = gram_of<float>(biased, {6, 1, 1}, samples);
  EXPECT_GT(with_bias.ntk(1, 1), 0.0F);
  EXPECT_EQ(with_bias.ntk(1, 4), with_bias.ntk(1, 1));
}

TEST(DenseEngine, DropoutTellsACopyFromTheSampleItself) {
  const Network network{Dense{2.0, 0.1}, AbRelu{}, Dropout{0.5}, Dense{1.0, 0.1}, AbRelu{}, Dense{}};
  Samples samples = random_samples(3, 8, 8);
  samples[2] = samples[0];
  const auto gram = gram_of<double>(network, {8, 1, 1}, samples);
  EXPECT_LT(gram.nngp(2, 0), 0.9 * gram.nngp(0, 0));
  EXPECT_EQ(gram.nngp(2, 2), gram.nngp(0, 0));
  EXPECT_NEAR(gram.nngp(2, 0), test::reference_entry(network, {8, 1, 1}, samples[0], samples[2], false).nngp,
              1e-12);
}

/// Whether A + 1e-12 trace I has a Cholesky factor.
bool is_positive_semidefinite(Matrix<double> a) {
  double trace = 0;
  for (Index i = 0; i < a.rows(); ++i) trace += a(i, i);
  for (Index k = 0; k < a.rows(); ++k) {
    double pivot = a(k, k) + 1e-12 * trace;
    for (Index l = 0; l < k; ++l) pivot -= a(k, l) * a(k, l);
    if (!(pivot > 0)) return false;
    a(k, k) = std::sqrt(pivot);
    for (Index i = k + 1; i < a.rows(); ++i) {
      for (Index l = 0; l < k; ++l) a(i, k) -= a(i, l) * a(k, l);
      a(i, k) /= a(k, k);
    }
  }
  return true;
}

TEST(Engine, GramsArePositiveSemidefinite) {
  for (const Activation& activation :
       {Activation{AbRelu{}}, Activation{Erf{}}, Activation{Gelu{}}, Activation{Sine{}}}) {
    const Network network{Repeat{2, {Dense{1.5, 0.1}, activation}}, Dense{}};
    Samples samples = random_samples(30, 5, 9);
    samples[29] = samples[3];
    const auto gram = gram_of<double>(network, {5, 1, 1}, samples);
    EXPECT_TRUE(is_positive_semidefinite(gram.nngp)) << canonical(activation);
    EXPECT_TRUE(is_positive_semidefinite(gram.ntk)) << canonical(activation);
  }
  const auto images = gram_of<double>(small_conv(GlobalAvgPool{}), {1, 3, 3}, random_samples(12, 9, 10));
  EXPECT_TRUE(is_positive_semidefinite(images.ntk));
}

TEST(PixelEngine, EqualImagesAndSinglePrecision) {
  const SampleShape shape{2, 4, 3};
  Samples samples = random_samples(6, shape.features(), 11);
  samples[5] = samples[1];
  samples[3].assign(samples[3].size(), 0.0);
  for (const Layer& end : {Layer{GlobalAvgPool{}}, Layer{Flatten{}}}) {
    const auto gram = gram_of<double>(small_conv(end), shape, samples);
    EXPECT_EQ(gram.ntk(1, 5), gram.ntk(1, 1));
    EXPECT_EQ(gram.nngp(5, 1), gram.nngp(5, 5));
    for (Index j = 0; j < 6; ++j)
      for (Index i = 0; i < 6; ++i) EXPECT_EQ(gram.ntk(i, j), gram.ntk(j, i));
    const auto single = gram_of<float>(small_conv(end), shape, samples);
    EXPECT_LT(largest_difference(single.ntk, gram.ntk), 1e-7);
  }
}

TEST(PixelEngine, FlippingBothImagesChangesNothing) {
  const SampleShape shape{1, 3, 4};
  const Samples samples = random_samples(2, shape.features(), 12);
  Samples flipped = samples;
  for (std::size_t s = 0; s < 2; ++s)
    for (std::size_t y = 0; y < 3; ++y)
      for (std::size_t x = 0; x < 4; ++x) flipped[s][4 * y + x] = samples[s][4 * y + 3 - x];
  const auto gram = gram_of<double>(small_conv(GlobalAvgPool{}), shape, samples);
  const auto mirrored = gram_of<double>(small_conv(GlobalAvgPool{}), shape, flipped);
  EXPECT_NEAR(mirrored.ntk(0, 1), gram.ntk(0, 1), 1e-14);
}

TEST(Engine, PlanFiguresAreSensible) {
  const auto dense = make_engine<float>(relu3, {784, 1, 1}, 64);
  EXPECT_EQ(dense->name().substr(0, 6), "dense ");
  EXPECT_GT(dense->flops_per_entry(SampleOrder::single), 2 * 784);
  EXPECT_LT(dense->flops_per_entry(SampleOrder::single), 2 * 784 + 300);
  EXPECT_GE(dense->bytes_per_sample(), 784 * 4 + 3 * 4);
  EXPECT_LT(dense->bytes_per_sample(), 784 * 4 + 300);
  // Images that are flattened first are vectors.
  EXPECT_EQ(make_engine<float>(relu3, {1, 28, 28}, 64)->name(), dense->name());
  const auto images = make_engine<float>(small_conv(GlobalAvgPool{}), {3, 8, 8}, 64);
  EXPECT_EQ(images->name().substr(0, 15), "offset planes (");
  EXPECT_NE(images->name().find(": 64 planes of 8 x 8"), std::string::npos) << images->name();
  EXPECT_GT(images->flops_per_entry(SampleOrder::single), 64 * 64 * 2 * (8 + 25));
  EXPECT_EQ(images->bytes_per_sample(), 192 * 4 + 32 + 8);
  // Rows' sides at two activations or more, and their like in double.
  EXPECT_GT(images->tile_bytes(), 64 * 64 * 2 * 2 * 4);
  EXPECT_LT(images->tile_bytes(), 10e6);
  EXPECT_NE(make_engine<float>(small_conv(Flatten{}), {3, 8, 8}, 64)->name().find("pixel diagonal ("),
            std::string::npos);
  // Where planes cannot help, the name says why.
  const auto general = make_engine<float>({Conv{}, Numerical{"tanh"}, GlobalAvgPool{}}, {3, 8, 8}, 64);
  EXPECT_EQ(general->name().substr(0, 13), "pixel pairs (");
  EXPECT_NE(general->name().find("tanh"), std::string::npos) << general->name();
}

TEST(Engine, FlattenFirstIsTheSameKernelAsTheVectors) {
  const Samples samples = random_samples(4, 12, 13);
  const Network flat{Flatten{}, Dense{2.0, 0.1}, AbRelu{}, Dense{}};
  const Network network(flat.begin() + 1, flat.end());
  expect_same_bits(gram_of<double>(flat, {3, 2, 2}, samples).ntk,
                   gram_of<double>(network, {12, 1, 1}, samples).ntk);
}

}  // namespace
}  // namespace widegram::kernels
