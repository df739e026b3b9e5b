#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>

#include "src/base/error.hpp"
#include "src/kernels/canonical.hpp"
#include "src/kernels/engine.hpp"
#include "src/kernels/presets.hpp"
#include "src/kernels/shapes.hpp"

namespace widegram::kernels {
namespace {

template <class F>
std::string error_of(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "no error";
}

std::string shape_error(const Network& network, const SampleShape& input) {
  return error_of([&] { check_shapes(network, input); });
}

TEST(Shapes, ErrorsNameLayerPlaceAndShapes) {
  const Layer conv = Conv{};
  const Layer relu = AbRelu{};
  EXPECT_EQ(shape_error({conv, relu, AvgPool{}, Conv{.size = 7, .padding = Padding::valid}, GlobalAvgPool{}},
                        {3, 10, 11}),
            "layer 4 (conv 7x7 valid): input 5 x 5 is smaller than the window");
  EXPECT_EQ(shape_error({conv, Residual{{Conv{.size = 2}}, {}}, Flatten{}}, {1, 4, 4}),
            "layer 2.residual.1 (conv 2x2 same): size must be odd and at least 1");
  EXPECT_EQ(shape_error({conv, Residual{{conv}, {AvgPool{}}}, Flatten{}}, {1, 4, 4}),
            "layer 2 (residual): the branch leaves 4 x 4 pixels, the shortcut leaves 2 x 2; they must agree");
  EXPECT_EQ(shape_error({Product{{{conv}, {conv, AvgPool{}}}}, Flatten{}}, {1, 4, 4}),
            "layer 1 (product of 2): branch 1 leaves 4 x 4 pixels, branch 2 leaves 2 x 2; they must agree");
  EXPECT_EQ(shape_error({Product{{{conv}, {relu, Dropout{0.0}}}}, Flatten{}}, {1, 4, 4}),
            "layer 1.product.2.2 (dropout keep 0): keep must lie in (0, 1]");
  EXPECT_EQ(shape_error({Repeat{4, {conv, AvgPool{}}}, Flatten{}}, {1, 9, 9}),
            "layer 1.repeat.2 (avgpool 2x2): input 1 x 1 is smaller than the window");
  EXPECT_EQ(
      shape_error({Dense{}, relu, Dense{}}, {1, 28, 28}),
      "layer 3 (dense): the network ends here with 28 x 28 pixels, but it must leave one number a pair of "
      "samples; "
      "put flatten or global_avgpool before its last dense layer (a dense layer acts on each pixel alone)");
  EXPECT_EQ(shape_error({Dense{-1.0, 0.0}}, {3, 1, 1}),
            "layer 1 (dense): weight_variance must be a finite number of at least 0");
  EXPECT_EQ(shape_error({Dense{}, LayerNorm{0.0}}, {3, 1, 1}),
            "layer 2 (layernorm): epsilon must be a finite number above 0");
  EXPECT_EQ(shape_error({Repeat{0, {Dense{}}}}, {3, 1, 1}), "layer 1 (repeat x 0): times must be at least 1");
  EXPECT_NE(shape_error({Dense{}, Rbf{-1.0}}, {3, 1, 1}).find("layer 2 (rbf(-1)): "), std::string::npos);
}

TEST(Shapes, EnginesRefuseWhatDoesNotFit) {
  EXPECT_NE(error_of([] {
              make_engine<float>({Dense{}}, {1, 2, 2}, 64);
            }).find("layer 1 (dense)"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              make_engine<float>({Dense{}}, {4, 1, 1}, 0);
            }).find("gram.tile"),
            std::string::npos);
}

TEST(Shapes, ReportsFollowTheInputAndAddUp) {
  const Network network{Conv{}, AbRelu{}, AvgPool{}, Repeat{4, {AvgPool{}}}, Flatten{}, Dense{}};
  const SampleShape input{3, 32, 32};
  const auto reports = check_shapes(network, input);
  ASSERT_EQ(reports.size(), network.size() + 1);  // one layer is inside the repeat
  EXPECT_EQ(reports[0].name, "conv 3x3 same, w = 1, b = 0");
  EXPECT_EQ(reports[0].output, (SampleShape{0, 32, 32}));
  EXPECT_EQ(reports[2].name, "avgpool 2x2");
  EXPECT_EQ(reports[2].output, (SampleShape{0, 16, 16}));
  EXPECT_EQ(reports[4].depth, 1);
  EXPECT_EQ(reports[4].output, (SampleShape{0, 1, 1}));
  EXPECT_EQ(reports[1].variances, 32 * 32);
  double sum = 2.0 * 3 * 1024 * 1024;
  for (const LayerReport& report : reports) sum += report.flops_per_entry;
  EXPECT_DOUBLE_EQ(flops_per_entry(network, input), sum);
}

TEST(Shapes, ARepeatCountsAllItsRounds) {
  const Network pair{Conv{}, AbRelu{}};
  const auto tail = [](Network network) {
    network.insert(network.end(), {GlobalAvgPool{}, Dense{}});
    return network;
  };
  const Network three{Conv{}, AbRelu{}, Conv{}, AbRelu{}, Conv{}, AbRelu{}};
  const SampleShape input{3, 6, 6};
  EXPECT_DOUBLE_EQ(flops_per_entry(tail({Repeat{3, pair}}), input), flops_per_entry(tail(three), input));
  EXPECT_EQ(check_shapes(tail({Repeat{3, pair}}), input)[2].variances, 3 * 36);
  const Network shrinking{Repeat{2, {AvgPool{}, Conv{}, AbRelu{}}}, Flatten{}};
  const Network spelled{AvgPool{}, Conv{}, AbRelu{}, AvgPool{}, Conv{}, AbRelu{}, Flatten{}};
  EXPECT_DOUBLE_EQ(flops_per_entry(shrinking, {1, 8, 8}), flops_per_entry(spelled, {1, 8, 8}));
}

TEST(Shapes, WithoutPoolsOnlyEqualPixelsArePaired) {
  EXPECT_EQ(pixel_pairs(preset("cntk-flatten", {}), {3, 8, 8}), 64);
  EXPECT_EQ(pixel_pairs(preset("cntk-gap", {}), {3, 8, 8}), 64 * 64);
}

TEST(Canonical, WritesEveryParameter) {
  EXPECT_EQ(canonical(preset("cntk-gap", {})),
            "repeat(5){conv(3,1,same,2,0) relu} global_avgpool dense(1,0)");
  const Network network{Conv{5, 2, Padding::circular, 0.1, 1.0 / 3.0},
                        LayerNorm{},
                        Dropout{0.9},
                        AvgPool{3, 2},
                        Residual{{Dense{}}, {}, 0.5},
                        Product{{{Flatten{}}, {GlobalAvgPool{}}}}};
  EXPECT_EQ(canonical(network),
            "conv(5,2,circular,0.1,0.3333333333333333) layernorm(1e-12) dropout(0.9) avgpool(3,2) "
            "residual(0.5){dense(1,0)}{} product{flatten}{global_avgpool}");
  EXPECT_EQ(canonical(Activation{AbRelu{0.01, 1}}), "leaky_relu(0.01)");
  EXPECT_EQ(canonical(Activation{Sine{std::numbers::pi / 2}}), "cos");
  EXPECT_EQ(canonical(Activation{Polynomial{{1, 0, 0.5}}}), "polynomial(1,0,0.5)");
}

TEST(Canonical, DifferentNetworksHaveDifferentTexts) {
  const Layer relu = AbRelu{};
  const std::vector<Network> networks{{},
                                      {Dense{}},
                                      {Dense{2.0}},
                                      {Dense{1.0, 2.0}},
                                      {Dense{std::nextafter(1.0, 2.0)}},
                                      {Dense{}, relu},
                                      {relu, Dense{}},
                                      {Conv{}},
                                      {Conv{5}},
                                      {Conv{3, 2}},
                                      {Conv{3, 1, Padding::valid}},
                                      {Conv{3, 1, Padding::circular}},
                                      {AvgPool{2, 1}},
                                      {AvgPool{2, 2}},
                                      {AvgPool{1, 2}},
                                      {GlobalAvgPool{}},
                                      {Flatten{}},
                                      {LayerNorm{}},
                                      {LayerNorm{1e-5}},
                                      {Dropout{0.5}},
                                      {Repeat{2, {relu, Dense{}}}},
                                      {Repeat{2, {relu}}, Dense{}},
                                      {Repeat{2, {}}, relu, Dense{}},
                                      {Residual{{relu}, {}}},
                                      {Residual{{}, {relu}}},
                                      {Residual{{relu}, {}, 0.5}},
                                      {Product{{{relu}, {}}}},
                                      {Product{{{}, {relu}}}},
                                      {Product{{{relu}}}},
                                      {Product{{{relu}}}, Product{{{}}}},
                                      {AbRelu{1, 1}},
                                      {AbRelu{0.5, 1}},
                                      {AbRelu{0, 2}},
                                      {AbRelu{-1, 1}},
                                      {Erf{}},
                                      {Gelu{}},
                                      {Sine{}},
                                      {Sine{1.0}},
                                      {Sine{std::numbers::pi / 2}},
                                      {Rbf{}},
                                      {Rbf{2.0}},
                                      {Gaussian{}},
                                      {Exponential{}},
                                      {NormalizedExponential{}},
                                      {NormalizedExponential{1, 0}},
                                      {Sign{}},
                                      {Polynomial{{1}}},
                                      {Polynomial{{1, 0}}},
                                      {Polynomial{{10}}},
                                      {Numerical{"tanh"}},
                                      {Numerical{"softplus"}}};
  std::set<std::string> texts;
  for (const Network& network : networks)
    EXPECT_TRUE(texts.insert(canonical(network)).second) << canonical(network);
}

TEST(Presets, AreTheNetworksOfThePapers) {
  EXPECT_EQ(canonical(preset("dense", {})), "flatten repeat(3){dense(2,0) relu} dense(1,0)");
  EXPECT_EQ(canonical(preset(
                "dense", {.depth = 1, .weight_variance = 1.5, .bias_variance = 0.1, .activation = Erf{}})),
            "flatten repeat(1){dense(1.5,0.1) erf} dense(1,0)");
  EXPECT_EQ(canonical(preset("cntk-flatten", {.depth = 2})),
            "repeat(2){conv(3,1,same,2,0) relu} flatten dense(1,0)");
  const std::string pair = "conv(3,1,same,2,0) relu ";
  EXPECT_EQ(canonical(preset("myrtle5", {})),
            pair + pair + "avgpool(2,2) " + pair + "avgpool(2,2) " + pair + "global_avgpool dense(1,0)");
  for (const auto& [name, weight_layers] : {std::pair{"myrtle5", 5}, {"myrtle7", 7}, {"myrtle10", 10}}) {
    int weights = 0;
    for (const Layer& layer : execution_order(preset(name, {})))
      weights +=
          std::holds_alternative<Conv>(layer.kind()) || std::holds_alternative<Dense>(layer.kind()) ? 1 : 0;
    EXPECT_EQ(weights, weight_layers) << name;
    for (const Index edge : {4, 28, 32, 65})
      EXPECT_EQ(check_shapes(preset(name, {}), {3, edge, edge}).back().output, (SampleShape{0, 1, 1}))
          << edge;
  }
}

TEST(Presets, ErrorsHelp) {
  EXPECT_EQ(error_of([] { preset("cntk-gab", {}); }),
            "unknown preset 'cntk-gab'; did you mean 'cntk-gap'?; there are: dense, cntk-gap, cntk-flatten, "
            "myrtle5, "
            "myrtle7, myrtle10");
  EXPECT_NE(error_of([] { preset("myrtle5", {.depth = 4}); }).find("takes no depth"), std::string::npos);
  EXPECT_NE(error_of([] { preset("dense", {.depth = 0}); }).find("depth = 0"), std::string::npos);
}

}  // namespace
}  // namespace widegram::kernels
