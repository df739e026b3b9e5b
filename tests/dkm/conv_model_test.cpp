#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "src/base/error.hpp"
#include "tests/dkm/conv_support.hpp"
#include "tests/support/central_difference.hpp"

namespace widegram::dkm::test {
namespace {

nlohmann::json golden() {
  std::ifstream file(WIDEGRAM_SOURCE_DIR "/tests/dkm/golden_conv.json");
  return nlohmann::json::parse(file);
}

ModelSpec golden_spec() {
  return {.network = {InputLayer{.points = 3}, MapLayer{}, ConvLayer{.points = 3, .stride = 2}, GramLayer{},
                      NormLayer{}, PoolLayer{}},
          .shape = {2, 4, 4},
          .outputs = 2,
          .nu = 0.5};
}

const Slice& find(const Model<double>& model, const std::string& end) {
  for (const Slice& slice : model.parameters())
    if (slice.name.ends_with(end)) return slice;
  throw std::runtime_error(end);
}

std::vector<double> golden_parameters(const Model<double>& model) {
  std::vector<double> parameters(static_cast<std::size_t>(model.parameter_count()));
  const auto put = [&](const std::string& name, const std::vector<double>& values) {
    std::copy(values.begin(), values.end(), parameters.begin() + find(model, name).begin);
  };
  const auto transposed = [](const std::vector<double>& c_order, Index rows, Index cols) {
    std::vector<double> out(c_order.size());
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < cols; ++j)
        out[static_cast<std::size_t>(i + j * rows)] = c_order[static_cast<std::size_t>(i * cols + j)];
    return out;
  };
  put("patches", filled(3 * 2 * 9, 1.3, 0.5));
  put("log w, b", {0, std::log(0.1)});
  put("W", filled(81, 0.9, 0.2));
  put("V", {1.5, 0.4, -0.3, 0, 1.2, 0.2, 0, 0, 1});
  put("mu", transposed(filled(6, 1.1, 0.3), 3, 2));
  std::vector<double> root = transposed(filled(9, 0.6, 0), 3, 3);
  for (std::size_t k = 0; k < 9; ++k) root[k] = 0.1 * root[k] + (k % 4 == 0 ? 0.8 * std::sqrt(3.0) : 0.0);
  put("output: L", root);
  return parameters;
}

struct Golden {
  Model<double> model{golden_spec()};
  std::vector<double> parameters = golden_parameters(model);
  std::vector<double> images = filled(64, 0.7, 0.1);
  std::vector<double> targets{1, 0, 0, 1};
  std::vector<std::int64_t> ids{0, 1};
  Batch batch{.samples = {images.data(), 32, 2},
              .targets = {.values = {targets.data(), 2, 2}},
              .ids = ids,
              .batch_samples = 2,
              .training_samples = 2};
};

TEST(ConvolutionalMachine, AgreesWithTheGoldenNumbers) {
  Golden g;
  const auto expected = golden();
  std::vector<double> gradient(g.parameters.size());
  const Evaluation found = g.model.evaluate(g.parameters, g.batch, 0, reduce_alone, gradient);
  EXPECT_NEAR(found.objective, expected.at("objective").get<double>(), 1e-9);
  EXPECT_NEAR(found.log_likelihood, expected.at("expected_log_likelihood").get<double>(), 1e-9);
  const double terms = expected.at("stages").at("gram").at("objective").get<double>() +
                       expected.at("output_term").get<double>();
  EXPECT_NEAR(found.regularisation, terms, 1e-9);
  const Predictions said = g.model.predict(g.parameters, g.batch, reduce_alone);
  for (std::size_t k = 0; k < 4; ++k)
    EXPECT_NEAR(said.mean.data()[k], expected.at("mean")[k].get<double>(), 1e-9);
  for (std::size_t k = 0; k < 2; ++k)
    EXPECT_NEAR(said.variance[k], expected.at("variance")[k].get<double>(), 1e-9);
}

TEST(ConvolutionalMachine, HasTheGoldenGradientNorms) {
  Golden g;
  const auto expected = golden().at("gradient_norms");
  std::vector<double> gradient(g.parameters.size());
  g.model.evaluate(g.parameters, g.batch, 0, reduce_alone, gradient);
  const auto norm = [&](Index begin, Index count) {
    double sum = 0;
    for (Index k = begin; k < begin + count; ++k)
      sum += gradient[static_cast<std::size_t>(k)] * gradient[static_cast<std::size_t>(k)];
    return std::sqrt(sum);
  };
  const auto check = [&](const std::string& name, double found) {
    EXPECT_NEAR(found, expected.at(name).get<double>(), 2e-10) << name;
  };
  const auto of = [&](const std::string& name) {
    return norm(find(g.model, name).begin, find(g.model, name).count());
  };
  check("inducing_patches", of("patches"));
  check("log_w", norm(find(g.model, "log w, b").begin, 1));
  check("log_b", norm(find(g.model, "log w, b").begin + 1, 1));
  check("W", of("W"));
  check("V", of("V"));
  check("a", of("log inducing scale"));
  check("c", of("log data scale"));
  check("mu", of("mu"));
  check("L", of("output: L"));
  // A factor e^g of G, which V holds here: its derivative is half of V's with V.
  double by_g = 0;
  for (Index k = 0; k < 9; ++k) {
    const auto at = static_cast<std::size_t>(find(g.model, "V").begin + k);
    by_g += g.parameters[at] * gradient[at] / 2;
  }
  EXPECT_NEAR(std::abs(by_g), expected.at("g").get<double>(), 2e-10);
}

Network small(const NormLayer& norm, const std::string& map) {
  const MapLayer layer{.map = map_spec(map)};
  const ResidualLayer chunk{.layers = {layer, ConvLayer{.points = 5, .stride = 2}, GramLayer{}, norm, layer,
                                       ConvLayer{.points = 5}, GramLayer{}, norm},
                            .shortcut = {ConvLayer{.points = 5, .size = 1, .stride = 2}, norm}};
  const ResidualLayer plain{.layers = {layer, ConvLayer{.points = 5}, GramLayer{}, norm}, .shortcut = {}};
  return {InputLayer{.points = 4},
          layer,
          ConvLayer{.points = 4},
          GramLayer{},
          norm,
          chunk,
          plain,
          PoolLayer{},
          norm};
}

struct Case {
  std::string name;
  ModelSpec spec;
};

std::vector<Case> cases() {
  const SampleShape shape{2, 5, 4};
  const auto conv = [&](const std::string& name, const NormLayer& norm, const std::string& map = "arccos") {
    return Case{
        name,
        {.network = small(norm, map), .shape = shape, .outputs = 3, .nu = 0.3, .jitter = 1e-3, .seed = 5}};
  };
  std::vector<Case> all{
      conv("global", {}),
      conv("local", {Norm::local, Norm::local, Scale::local, Scale::local}),
      conv("location", {Norm::global, Norm::location, Scale::global, Scale::local}),
      conv("image", {Norm::local, Norm::image, Scale::none, Scale::global}),
      conv("none", {Norm::none, Norm::none, Scale::global, Scale::none}),
      conv("normgauss", {}, "normgauss"),
      conv("sqexp", {}, "sqexp"),
      conv("linear", {}, "linear"),
      conv("gelu", {}, "gelu"),
  };
  all.push_back(conv("noise", {}));
  all.back().spec.learn_noise = true;
  all.push_back(conv("taylor", {}));
  all.back().spec.taylor = true;
  all.push_back(conv("stochastic", {}));
  all.back().spec.stochastic = 2;
  all.back().spec.taylor = true;
  all.push_back(conv("categorical", {}));
  all.back().spec.likelihood = Likelihood::categorical;
  all.back().spec.samples = 20;
  all.push_back({"sparse",
                 {.network = sparse_network(2, 6, map_spec("arccos")),
                  .shape = {7, 1, 1},
                  .outputs = 2,
                  .learn_noise = true,
                  .nu = 2}});
  return all;
}

TEST(ConvolutionalMachine, GradientIsThatOfFiniteDifferences) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Model<double> model(c.spec);
    std::vector<double> parameters = some_parameters(model);
    const Problem problem(c.spec.shape, c.spec.outputs, 3);
    std::vector<double> gradient(parameters.size());
    model.evaluate(parameters, problem.batch(), 7, reduce_alone, gradient);
    const auto f = [&] { return model.evaluate(parameters, problem.batch(), 7, reduce_alone, {}).objective; };
    for (const Slice& slice : model.parameters()) {
      // The first, the last, and one in between.
      for (const Index k : {Index{0}, slice.count() / 2, slice.count() - 1}) {
        const auto at = static_cast<std::size_t>(slice.begin + k);
        EXPECT_NEAR(gradient[at], widegram::test::central_difference(parameters[at], 1e-4, f),
                    1e-7 * (1 + std::abs(gradient[at])))
            << slice.name << " " << k;
      }
    }
  }
}

TEST(ConvolutionalMachine, KeepsNoMoreThanItMust) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Model<double> much(c.spec), little(c.spec, Keep::least);
    EXPECT_LE(little.bytes(8), much.bytes(8));
    const std::vector<double> parameters = some_parameters(much);
    const Problem problem(c.spec.shape, c.spec.outputs, 5);
    std::vector<double> first(parameters.size()), second(parameters.size());
    EXPECT_EQ(much.evaluate(parameters, problem.batch(), 1, reduce_alone, first).objective,
              little.evaluate(parameters, problem.batch(), 1, reduce_alone, second).objective);
    EXPECT_EQ(first, second);
  }
}

TEST(ConvolutionalMachine, FloatIsDoubleToItsPrecision) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    Model<double> exact(c.spec);
    Model<float> rounded(c.spec);
    const std::vector<double> parameters = some_parameters(exact);
    const Problem problem(c.spec.shape, c.spec.outputs, 5);
    std::vector<double> first(parameters.size()), second(parameters.size());
    EXPECT_NEAR(exact.evaluate(parameters, problem.batch(), 1, reduce_alone, first).objective,
                rounded.evaluate(parameters, problem.batch(), 1, reduce_alone, second).objective, 1e-3);
    double size = 0, gap = 0;
    for (std::size_t k = 0; k < first.size(); ++k) {
      size += first[k] * first[k];
      gap += (first[k] - second[k]) * (first[k] - second[k]);
    }
    EXPECT_LT(std::sqrt(gap), 2e-3 * std::sqrt(size));
  }
}

TEST(ConvolutionalMachine, StartsWhereEveryGramIsItsKernel) {
  for (const Case& c : cases()) {
    if (c.spec.stochastic > 0) continue;
    Model<double> model(c.spec);
    const std::vector<double> start = model.initial(noise(model.patch_features(), model.patches(), 3).view());
    EXPECT_NEAR(model.regularisation(start, 0), 0, 1e-9) << c.name;
  }
}

TEST(ConvolutionalMachine, NamesTheLayerThatFails) {
  const Case c = cases().front();
  Model<double> model(c.spec);
  std::vector<double> parameters = some_parameters(model);
  for (const Slice& slice : model.parameters())
    if (slice.name.ends_with("V")) {
      std::fill_n(parameters.begin() + slice.begin, slice.count(), 0.0);
      break;
    }
  const Problem problem(c.spec.shape, c.spec.outputs, 3);
  try {
    model.evaluate(parameters, problem.batch(), 0, reduce_alone, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("gram 4"), std::string::npos) << error.what();
  }
}

/// Where the samples are the inducing points and a Gram has collapsed, single precision leaves nothing of
/// g_t.
TEST(ConvolutionalMachine, NamesOrClampsAVarianceBelowZero) {
  ModelSpec spec{
      .network = sparse_network(2, 30, map_spec("arccos")), .shape = {7, 1, 1}, .outputs = 2, .jitter = 1e-8};
  const Problem problem(spec.shape, spec.outputs, 30);
  const auto objective = [&] {
    Model<float> model(spec);
    std::vector<double> parameters = model.initial(problem.samples.view());
    for (const Slice& slice : model.parameters())
      if (slice.name.ends_with("V"))
        for (Index k = 0; k < slice.count(); ++k)
          parameters[static_cast<std::size_t>(slice.begin + k)] *= 1e-4;
    return model.evaluate(parameters, problem.batch(), 0, reduce_alone, {}).objective;
  };
  try {
    objective();
    FAIL() << "every variance is above zero";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("the variance g_t of a sample at gram 3"), std::string::npos)
        << error.what();
  }
  spec.clamp_negative = true;
  EXPECT_TRUE(std::isfinite(objective()));
}

TEST(ConvolutionalMachine, RefusesNetworksThatDoNotFit) {
  const SampleShape shape{3, 8, 8};
  const auto refused = [&](const Network& network) {
    EXPECT_THROW(check_spec({.network = network, .shape = shape}), Error);
  };
  refused({});
  refused({MapLayer{}});
  refused({InputLayer{}, GramLayer{}});
  refused({InputLayer{}, ConvLayer{.size = 2}, PoolLayer{}});
  refused({InputLayer{}, NormLayer{.inducing = Norm::image}, PoolLayer{}});
  refused({InputLayer{}, ResidualLayer{.layers = {ConvLayer{.points = 5}}, .shortcut = {}}, PoolLayer{}});
  check_spec({.network = resnet20(1, map_spec("arccos")), .shape = shape});
}

TEST(ConvolutionalMachine, ResNetHasThePublishedFlops) {
  Model<double> model({.network = resnet20(1, map_spec("arccos")),
                       .shape = {3, 32, 32},
                       .outputs = 10,
                       .likelihood = Likelihood::categorical});
  EXPECT_NEAR(50000 * model.flops_a_sample(), 5.5e12, 1e12);  // an estimate: 6e12
}

}  // namespace
}  // namespace widegram::dkm::test
