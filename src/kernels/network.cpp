#include "src/kernels/network.hpp"

#include <algorithm>

namespace widegram::kernels {
namespace {

void append(const Network& network, std::vector<Layer>& order);

struct Appender {
  std::vector<Layer>& order;

  void operator()(const Repeat& repeat) const {
    for (Index round = 0; round < repeat.times; ++round) append(repeat.layers, order);
  }
  void operator()(const Residual& residual) const {
    append(residual.layers, order);
    append(residual.shortcut, order);
  }
  void operator()(const Product& product) const {
    for (const Network& branch : product.branches) append(branch, order);
  }
  void operator()(const auto& layer) const { order.emplace_back(layer); }
};

void append(const Network& network, std::vector<Layer>& order) {
  for (const Layer& layer : network) std::visit(Appender{order}, layer.kind());
}

/// Whether `property` holds for a layer that computes; each nested network is looked at once.
template <class Property>
bool any_layer(const Network& network, const Property& property) {
  return std::any_of(network.begin(), network.end(), [&](const Layer& layer) {
    const auto in = [&](const Network& nested) { return any_layer(nested, property); };
    if (const auto* repeat = std::get_if<Repeat>(&layer.kind())) return in(repeat->layers);
    if (const auto* residual = std::get_if<Residual>(&layer.kind()))
      return in(residual->layers) || in(residual->shortcut);
    if (const auto* product = std::get_if<Product>(&layer.kind()))
      return std::any_of(product->branches.begin(), product->branches.end(), in);
    return property(layer);
  });
}

}  // namespace

const char* to_string(Padding padding) {
  switch (padding) {
    case Padding::same:
      return "same";
    case Padding::valid:
      return "valid";
    case Padding::circular:
      return "circular";
  }
  return "";
}

double executed_layers(const Network& network) {
  double count = 0;
  for (const Layer& layer : network) {
    if (const auto* repeat = std::get_if<Repeat>(&layer.kind()))
      count += static_cast<double>(repeat->times) * executed_layers(repeat->layers);
    else if (const auto* residual = std::get_if<Residual>(&layer.kind()))
      count += executed_layers(residual->layers) + executed_layers(residual->shortcut);
    else if (const auto* product = std::get_if<Product>(&layer.kind()))
      for (const Network& branch : product->branches) count += executed_layers(branch);
    else
      count += 1;
  }
  return count;
}

std::vector<Layer> execution_order(const Network& network) {
  std::vector<Layer> order;
  append(network, order);
  return order;
}

bool drops_out(const Network& network) {
  return any_layer(network, [](const Layer& layer) {
    const auto* dropout = std::get_if<Dropout>(&layer.kind());
    return dropout != nullptr && dropout->keep < 1.0;
  });
}

bool mixes_pixels(const Network& network) {
  return any_layer(network, [](const Layer& layer) {
    return std::holds_alternative<AvgPool>(layer.kind()) ||
           std::holds_alternative<GlobalAvgPool>(layer.kind());
  });
}

}  // namespace widegram::kernels
