#include "tests/kernels/network_json.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace widegram::kernels::test {
namespace {

using nlohmann::json;

Padding padding_from(const std::string& name) {
  for (const Padding padding : {Padding::same, Padding::valid, Padding::circular})
    if (name == to_string(padding)) return padding;
  throw std::runtime_error("padding " + name);
}

Layer activation_from(const json& layer) {
  ActivationParameters parameters;
  for (const auto& [key, value] : layer.items()) {
    if (key == "op") continue;
    parameters[key] =
        value.is_array() ? value.get<std::vector<double>>() : std::vector<double>{value.get<double>()};
  }
  return make_activation(layer.at("op"), parameters);
}

Layer layer_from(const json& layer) {
  const std::string op = layer.at("op");
  const double weight = layer.value("weight_variance", 1.0);
  const double bias = layer.value("bias_variance", 0.0);
  const auto nested = [&](const char* key) { return network_from_json(layer.value(key, json::array())); };
  if (op == "dense") return Dense{weight, bias};
  if (op == "conv")
    return Conv{layer.value("size", Index{3}), layer.value("stride", Index{1}),
                padding_from(layer.value("padding", "same")), weight, bias};
  if (op == "avgpool") {
    const Index size = layer.value("size", Index{2});
    return AvgPool{size, layer.value("stride", size)};
  }
  if (op == "global_avgpool") return GlobalAvgPool{};
  if (op == "flatten") return Flatten{};
  if (op == "layernorm") return LayerNorm{};
  if (op == "dropout") return Dropout{layer.at("keep")};
  if (op == "repeat") return Repeat{layer.at("times"), nested("layers")};
  if (op == "residual") return Residual{nested("layers"), nested("shortcut"), layer.value("scale", 1.0)};
  if (op == "product") {
    Product product;
    for (const json& branch : layer.at("branches")) product.branches.push_back(network_from_json(branch));
    return product;
  }
  return activation_from(layer);
}

}  // namespace

Network network_from_json(const json& layers) {
  Network network;
  for (const json& layer : layers) network.push_back(layer_from(layer));
  return network;
}

std::vector<GoldenCase> read_golden_cases(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::vector<GoldenCase> cases;
  const json golden = json::parse(file);
  for (const json& item : golden.at("cases")) {
    const auto rows = [&](const char* key) { return item.value(key, GoldenCase::Rows{}); };
    const auto shape = item.at("shape").get<std::vector<Index>>();
    cases.push_back({item.at("name"), SampleShape{shape.at(0), shape.at(1), shape.at(2)},
                     network_from_json(item.at("layers")), item.at("tolerance"), rows("inputs"),
                     rows("test_inputs"), rows("nngp"), rows("ntk"), rows("nngp_test"), rows("ntk_test")});
  }
  return cases;
}

}  // namespace widegram::kernels::test
