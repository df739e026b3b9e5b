#include "src/kernels/plane_engine.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <set>

#include "src/kernels/canonical.hpp"
#include "src/kernels/dual.hpp"
#include "src/kernels/pixel_engine.hpp"
#include "src/kernels/presets.hpp"
#include "tests/kernels/gram_of.hpp"
#include "tests/support/made_up_pictures.hpp"
#include "tests/support/rounded.hpp"

namespace widegram::kernels {
namespace {

using test::Gram;
using test::gram_of;

Network with_head(Network network, const Layer& head) {
  network.push_back(head);
  network.emplace_back(Dense{1.2, 0.1});
  return network;
}

Conv conv(Index size, Padding padding = Padding::same, double bias = 0.0, Index stride = 1) {
  return {size, stride, padding, 2.0, bias};
}

template <class Real>
std::unique_ptr<Engine<Real>> planes(const std::vector<Network>& networks, const SampleShape& shape) {
  std::string why;
  std::optional<PlaneProgram> program = plane_program(networks, shape, &why);
  if (!program) throw std::runtime_error(why);
  return std::make_unique<PlaneEngine<Real>>(networks, shape, test::test_edge, std::move(*program));
}

template <class Real>
Gram<Real> gram_with(const Engine<Real>& engine, const Matrix<double>& pictures) {
  const Matrix<Real> inputs = widegram::test::rounded<Real>(pictures);
  const auto prepared = engine.prepare(inputs.view(), test::ids_from(0, inputs.cols()), SampleOrder::single);
  return gram_of(engine, *prepared, *prepared);
}

/// Pictures as a camera gives them (multiples of 1/256), a copy, a near copy and one that is zero in most
/// places.
Matrix<double> pictures_for(const SampleShape& shape) {
  Matrix<double> pictures = widegram::test::made_up_pictures(shape, 5);
  for (Index i = 0; i < pictures.rows(); ++i) {
    for (Index j = 0; j < 5; ++j) pictures(i, j) = std::round(256 * pictures(i, j)) / 256;
    pictures(i, 2) = pictures(i, 0);
    pictures(i, 3) = pictures(i, 1) + (i % 7 == 0 ? 1.0 / 256 : 0.0);
    if (i % shape.pixels() % 5 < 4) pictures(i, 4) = 0;
  }
  return pictures;
}

/// The largest difference, relative to sqrt(K(x, x) K(z, z)).
template <class Real>
double distance(const Matrix<Real>& a, const Matrix<double>& b) {
  double worst = 0;
  for (Index j = 0; j < b.cols(); ++j)
    for (Index i = 0; i < b.rows(); ++i)
      worst =
          std::max(worst, std::abs(static_cast<double>(a(i, j)) - b(i, j)) / std::sqrt(b(i, i) * b(j, j)));
  return worst;
}

void compare(const Network& network, const SampleShape& shape, double float_tolerance = 5e-6,
             double double_tolerance = 1e-11) {
  SCOPED_TRACE(canonical(network) + " on " + to_string(shape));
  // On vectors of one lane not every width does; make_engine() asks the same.
  if (!PlaneEngine<double>::fits(shape)) return;
  const Matrix<double> pictures = pictures_for(shape);
  const PixelEngine<double> plain(network, shape);
  const Gram<double> expected = gram_with(plain, pictures);
  const Gram<double> found = gram_with(*planes<double>({network}, shape), pictures);
  EXPECT_LE(distance(found.nngp, expected.nngp), double_tolerance);
  EXPECT_LE(distance(found.ntk, expected.ntk), double_tolerance);
  const Gram<float> single = gram_with(*planes<float>({network}, shape), pictures);
  EXPECT_LE(distance(single.nngp, expected.nngp), float_tolerance);
  EXPECT_LE(distance(single.ntk, expected.ntk), float_tolerance);
}

const std::vector<SampleShape> shapes{{3, 9, 20}, {1, 5, 33}, {2, 16, 16},
                                      {1, 2, 70}, {1, 12, 1}, {1, 1, 18}};

TEST(PlaneEngine, ReluNetworksOfAnySizeAgreeWithThePlainPath) {
  for (const SampleShape& shape : shapes)
    for (const Layer& head : {Layer{GlobalAvgPool{}}, Layer{Flatten{}}}) {
      compare(with_head({conv(3), AbRelu{}, conv(3), AbRelu{}, conv(3), AbRelu{}}, head), shape);
      compare(with_head({conv(3, Padding::same, 0.2), AbRelu{-0.5, 1.0}, conv(3, Padding::same, 0.1),
                         AbRelu{0.3, 1.0}},
                        head),
              shape);
    }
}

TEST(PlaneEngine, WindowsOfAllKinds) {
  for (const SampleShape& shape : shapes)
    for (const Padding padding : {Padding::same, Padding::circular})
      for (const Index size : {1, 3, 5, 7})
        compare(with_head({conv(size, padding, 0.1), AbRelu{}, conv(size, padding), Erf{}}, GlobalAvgPool{}),
                shape);
}

TEST(PlaneEngine, StagesOfPoolsAndStrides) {
  const SampleShape shape{2, 12, 20};
  for (const Layer& between :
       {Layer{AvgPool{2, 2}}, Layer{AvgPool{3, 3}}, Layer{AvgPool{3, 2}}, Layer{AvgPool{2, 1}},
        Layer{conv(3, Padding::valid, 0.1)}, Layer{conv(3, Padding::same, 0.1, 2)},
        Layer{conv(5, Padding::circular, 0.0, 2)}, Layer{conv(1, Padding::same, 0.0, 2)}})
    for (const Layer& head : {Layer{GlobalAvgPool{}}, Layer{Flatten{}}}) {
      compare(with_head({conv(3), AbRelu{}, between, conv(3), AbRelu{}, conv(3), AbRelu{}}, head), shape);
      compare(with_head({between, AbRelu{}, between, Erf{}}, head), shape);
    }
}

TEST(PlaneEngine, PresetsAtTheirSize) {
  compare(preset("myrtle5", {}), {2, 32, 32});
  // Nearly equal pictures: what is left of 1 - rho, 1e-5 of it at the start, are the roundings of either
  // path. On few pixels they count for much.
  compare(preset("cntk-gap", {.depth = 21}), {3, 9, 18}, 5e-6, 5e-11);
  compare(preset("cntk-flatten", {.depth = 21}), {3, 9, 18}, 5e-6, 1e-9);
}

TEST(PlaneEngine, MyrtleIsThePapersAtItsSizeAndTakesOthers) {
  const SampleShape shape{1, 32, 32};
  const Network network = preset("myrtle5", {});
  Network paper(network.begin(), network.end() - 2);
  paper.insert(paper.end(), {Repeat{3, {AvgPool{}}}, Flatten{}, Dense{}});
  const Matrix<double> pictures = pictures_for(shape);
  const Gram<double> expected = gram_with(*make_engine<double>(paper, shape, test::test_edge), pictures);
  const Gram<double> found = gram_with(*make_engine<double>(network, shape, test::test_edge), pictures);
  EXPECT_LE(distance(found.nngp, expected.nngp), 1e-12);
  EXPECT_LE(distance(found.ntk, expected.ntk), 1e-12);
  compare(network, {1, 14, 13});
}

TEST(PlaneEngine, EveryActivationAndLayer) {
  const SampleShape shape{2, 6, 19};
  for (const Activation& activation : std::vector<Activation>{
           Erf{}, Gelu{}, Sine{0.3}, Rbf{0.4}, Gaussian{}, Exponential{}, Sign{},
           NormalizedExponential{0.5, 0.1}, Polynomial{{0.1, 0.5, 0.2, 0.1}}, AbRelu{-1, 1}}) {
    const bool jumps = std::holds_alternative<Sign>(activation);
    compare(with_head({Conv{3, 1, Padding::same, 0.7, 0.1}, activation, Conv{3, 1, Padding::same, 0.6, 0.0},
                       activation},
                      GlobalAvgPool{}),
            shape, jumps ? 5e-5 : 5e-6);
  }
  const Network block{conv(3), AbRelu{}, conv(3, Padding::same, 0.1)};
  compare(with_head({conv(3), LayerNorm{}, AbRelu{}, Residual{block, {}, 0.7}, AbRelu{}, Dropout{0.8},
                     Residual{block, {conv(1)}, 1.0}, AbRelu{}},
                    GlobalAvgPool{}),
          shape);
  compare(with_head({Product{{{conv(3), AbRelu{}}, {conv(5), Erf{}}, {AbRelu{}, conv(3)}}}, AbRelu{},
                     AvgPool{2, 2}, Product{{block, block}}, Dense{1.5, 0.2}, Gelu{}},
                    Flatten{}),
          shape);
}

TEST(PlaneEngine, NetworksOfSeveralDepthsGetTheBitsThatEachGetsAlone) {
  const SampleShape shape{3, 8, 18};
  std::vector<Network> family;
  for (const Index depth : {2, 5, 4}) family.push_back(preset("cntk-gap", {.depth = depth}));
  family.push_back(preset("cntk-flatten", {.depth = 3}));
  const Matrix<float> inputs = widegram::test::rounded<float>(pictures_for(shape));
  const auto ids = test::ids_from(0, inputs.cols());
  const auto together = planes<float>(family, shape);
  const auto samples = together->prepare(inputs.view(), ids, SampleOrder::single);
  const Index n = inputs.cols();
  std::vector<Gram<float>> grams;
  std::vector<TileOutput<float>> outputs;
  for (std::size_t i = 0; i < family.size(); ++i) grams.push_back({Matrix<float>(n, n), Matrix<float>(n, n)});
  for (Gram<float>& gram : grams) outputs.push_back({gram.nngp.view(), gram.ntk.view()});
  together->tile(*samples, 0, *samples, 0, outputs);
  for (std::size_t k = 0; k < family.size(); ++k) {
    const auto alone = planes<float>({family[k]}, shape);
    const auto own = alone->prepare(inputs.view(), ids, SampleOrder::single);
    const Gram<float> expected = gram_of(*alone, *own, *own);
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < n; ++i) {
        EXPECT_EQ(grams[k].nngp(i, j), expected.nngp(i, j)) << k << ": " << i << ", " << j;
        EXPECT_EQ(grams[k].ntk(i, j), expected.ntk(i, j)) << k << ": " << i << ", " << j;
      }
  }
}

TEST(PlaneEngine, SaysWhatItDoesNotKnow) {
  const auto why = [](const Network& network) {
    std::string reason;
    EXPECT_FALSE(plane_program(std::span(&network, 1), {3, 8, 8}, &reason));
    return reason;
  };
  EXPECT_NE(why({conv(3), Numerical{"tanh"}, GlobalAvgPool{}}).find("tanh"), std::string::npos);
  EXPECT_NE(why({Residual{{conv(3, Padding::same, 0, 2)}, {conv(1, Padding::same, 0, 2)}}, GlobalAvgPool{}})
                .find("inside a residual"),
            std::string::npos);
}

TEST(PlaneEngine, EveryVectorTargetOfThisMachineAgrees) {
  std::set<std::string> seen;
  for (std::int64_t targets = hwy::SupportedTargets(); targets != 0; targets &= targets - 1) {
    const std::int64_t target = targets & -targets;
    hwy::SetSupportedTargetsForTest(target);
    if (!seen.insert(vector_target()).second)
      continue;  // those that are not compiled fall back on the plain one
    SCOPED_TRACE(vector_target());
    const Network relu{conv(3), AbRelu{}, conv(3, Padding::same, 0.1), AbRelu{}, AvgPool{},
                       conv(3), AbRelu{}};
    for (const SampleShape& shape : {SampleShape{3, 10, 34}, SampleShape{1, 6, 8}}) {
      compare(with_head(relu, GlobalAvgPool{}), shape);
      compare(with_head({conv(5, Padding::circular), Gelu{}, conv(7), LayerNorm{}, AbRelu{}}, Flatten{}),
              shape);
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_GT(seen.size(), 1);
}

TEST(PlaneEngine, FlatBackgroundsDoNotCostDigits) {
  // Most pixels have one colour in all images: their correlations are 1 but for rounding.
  const SampleShape shape{3, 12, 24};
  Matrix<double> pictures = widegram::test::made_up_pictures(shape, 6);
  for (Index j = 0; j < pictures.cols(); ++j)
    for (Index i = 0; i < pictures.rows(); ++i)
      if (i % shape.width < 16) pictures(i, j) = 0.7371 - 0.3 * static_cast<double>(i / shape.pixels());
  const Network network = preset("cntk-gap", {.depth = 10});
  const Gram<double> expected = gram_with(PixelEngine<double>(network, shape), pictures);
  const Gram<float> found = gram_with(*planes<float>({network}, shape), pictures);
  EXPECT_LE(distance(found.ntk, expected.ntk), 5e-6);
  EXPECT_LE(distance(found.nngp, expected.nngp), 5e-6);
}

TEST(PlaneEngine, RowsUpToTheWidestInDouble) {
  const Index widest = most_vectors * plane_passes<double>().lanes;
  const Network network{conv(3), AbRelu{}, Flatten{}, Dense{}};
  compare(network, {1, 1, widest});
  EXPECT_TRUE(PlaneEngine<float>::fits({1, 1, widest}));
  EXPECT_FALSE(PlaneEngine<float>::fits({1, 1, widest + 1}));
  const auto wider = make_engine<float>(network, {1, 1, widest + 1}, test::test_edge);
  EXPECT_NE(wider->name().find("rows of "), std::string::npos) << wider->name();
}

TEST(PlaneEngine, UnderflowNamesTheSample) {
  const SampleShape shape{1, 6, 8};
  Network network;
  for (int i = 0; i < 30; ++i) network.insert(network.end(), {Conv{3, 1, Padding::same, 0.1, 0}, AbRelu{}});
  network.emplace_back(GlobalAvgPool{});
  EXPECT_GT(gram_with(*planes<double>({network}, shape), pictures_for(shape)).nngp(0, 0), 0);
  try {
    gram_with(*planes<float>({network}, shape), pictures_for(shape));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("training sample 0"), std::string::npos) << error.what();
  }
}

TEST(PlaneEngine, OverflowNamesSampleAndLayer) {
  const SampleShape shape{1, 4, 4};
  Network network;
  for (int i = 0; i < 30; ++i) network.insert(network.end(), {Conv{3, 1, Padding::same, 1e20, 0}, AbRelu{}});
  network.emplace_back(Flatten{});
  try {
    gram_with(*planes<double>({network}, shape), pictures_for(shape));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("training sample 0"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace widegram::kernels
