// The job file's vocabulary of layers.

#include <gtest/gtest.h>

#include <string>

#include "jobs/job_file.hpp"
#include "jobs/layer_parser.hpp"
#include "src/base/error.hpp"
#include "src/kernels/canonical.hpp"
#include "tests/support/messages.hpp"

namespace widegram::jobs {
namespace {

using namespace kernels;

Network layers(const std::string& text) {
  return parse_job("data.train = 'digits'\nkernel.layers = " + text + "\n", "job.toml").kernel.network;
}

using test::expect_part;

std::string message_of(const std::string& text) {
  return test::usage_message([&] { layers(text); });
}

TEST(Layers, EachOperationBecomesItsLayer) {
  const Network expected{Conv{5, 2, Padding::valid, 2.0, 0.5},
                         AbRelu{0.0, 1.0},
                         AvgPool{3, 3},
                         AvgPool{3, 2},
                         Repeat{4, {Conv{}, AbRelu{0.2, 1.0}}},
                         Residual{{Conv{}, Erf{}}, {Conv{.size = 1}}, 0.5},
                         Product{{{Conv{}}, {Dropout{0.75}}}},
                         LayerNorm{1e-6},
                         GlobalAvgPool{},
                         Polynomial{{1.0, 0.0, 2.0}},
                         Numerical{"tanh"},
                         Flatten{},
                         Dense{3.0, 0.25}};
  const Network read = layers(R"([
  { op = "conv", size = 5, stride = 2, padding = "valid", weight_variance = 2, bias_variance = 0.5 }, { op = "relu" },
  { op = "avgpool", size = 3 }, { op = "avgpool", size = 3, stride = 2 },
  { op = "repeat", times = 4, layers = [ { op = "conv" }, { op = "leaky_relu", slope = 0.2 } ] },
  { op = "residual", scale = 0.5, layers = [ { op = "conv" }, { op = "erf" } ], shortcut = [ { op = "conv", size = 1 } ] },
  { op = "product", branches = [ [ { op = "conv" } ], [ { op = "dropout", keep = 0.75 } ] ] },
  { op = "layernorm", epsilon = 1e-6 }, { op = "global_avgpool" }, { op = "polynomial", coefficients = [1, 0, 2] },
  { op = "tanh" }, { op = "flatten" }, { op = "dense", weight_variance = 3.0, bias_variance = 0.25 } ])");
  EXPECT_EQ(canonical(read), canonical(expected));
}

TEST(Layers, EveryActivationCanBeWritten) {
  for (const ActivationOperation& operation : kernels::activation_operations()) {
    std::string table = "{ op = \"" + operation.name + "\"";
    ActivationParameters given;
    for (const ActivationParameter& parameter : operation.parameters) {
      table += ", " + parameter.name + " = " + (parameter.is_list ? "[2, 1]" : "2");
      given[parameter.name] = parameter.is_list ? std::vector<double>{2, 1} : std::vector<double>{2};
    }
    const Network network = layers("[" + table + " }]");
    EXPECT_EQ(canonical(std::get<Activation>(network.at(0).kind())),
              canonical(make_activation(operation.name, given)));
  }
}

TEST(Layers, WhatIsWrongIsNamedByPlace) {
  expect_part(message_of("[{ op = \"dense\" },\n { op = \"desne\" }]"),
              "job.toml:3: kernel.layers[1] has the unknown op 'desne'");
  expect_part(message_of("[{ op = \"dense\" },\n { op = \"desne\" }]"), "did you mean 'dense'?");
  expect_part(message_of("[{ size = 3 }]"), "kernel.layers[0] has no op");
  expect_part(message_of("[3]"), "kernel.layers[0] must be a table");
  expect_part(message_of("3"), "kernel.layers must be a list of layers");
  expect_part(message_of("[{ op = \"conv\", sise = 3 }]"),
              "unknown key 'kernel.layers[0].sise'; did you mean 'size'?");
  expect_part(message_of("[{ op = \"conv\", size = 3.5 }]"), "kernel.layers[0].size must be an integer");
  expect_part(message_of("[{ op = \"conv\", padding = \"full\" }]"), "same | valid | circular");
  expect_part(message_of("[{ op = \"dropout\", keep = 0.0 }]"), "greater than 0");
  expect_part(message_of("[{ op = \"leaky_relu\", slop = 1 }]"), "did you mean 'slope'?");
  expect_part(message_of("[{ op = \"abrelu\", a = 1 }]"), "b");
  expect_part(message_of("[{ op = \"rbf\", gamma = -1.0 }]"), "gamma");
  expect_part(message_of("[{ op = \"polynomial\", coefficients = 3 }]"), "a list of numbers");
}

TEST(Layers, NestedOnesToo) {
  const std::string nested =
      "[{ op = \"repeat\", times = 2, layers = [{ op = \"residual\", layers = [\n{ op = \"relu\", x = 1 }] "
      "}] }]";
  expect_part(message_of(nested), "job.toml:3: unknown key 'kernel.layers[0].layers[0].layers[0].x'");
  expect_part(message_of("[{ op = \"repeat\", layers = [{ op = \"relu\" }] }]"), "needs times");
  expect_part(message_of("[{ op = \"repeat\", times = 2 }]"), "needs layers");
  expect_part(message_of("[{ op = \"residual\" }]"), "needs layers");
  expect_part(message_of("[{ op = \"product\", branches = [[{ op = \"relu\" }]] }]"), "at least two");
}

}  // namespace
}  // namespace widegram::jobs
