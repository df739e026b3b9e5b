#include "src/kernels/canonical.hpp"

#include <fmt/format.h>

namespace widegram::kernels {
namespace {

struct LayerText {
  std::string operator()(const Dense& d) const {
    return fmt::format("dense({},{})", d.weight_variance, d.bias_variance);
  }
  std::string operator()(const Conv& c) const {
    return fmt::format("conv({},{},{},{},{})", c.size, c.stride, to_string(c.padding), c.weight_variance,
                       c.bias_variance);
  }
  std::string operator()(const AvgPool& p) const { return fmt::format("avgpool({},{})", p.size, p.stride); }
  std::string operator()(const GlobalAvgPool&) const { return "global_avgpool"; }
  std::string operator()(const Flatten&) const { return "flatten"; }
  std::string operator()(const LayerNorm& n) const { return fmt::format("layernorm({})", n.epsilon); }
  std::string operator()(const Dropout& d) const { return fmt::format("dropout({})", d.keep); }
  std::string operator()(const Repeat& r) const {
    return fmt::format("repeat({}){{{}}}", r.times, canonical(r.layers));
  }
  std::string operator()(const Residual& r) const {
    return fmt::format("residual({}){{{}}}{{{}}}", r.scale, canonical(r.layers), canonical(r.shortcut));
  }
  std::string operator()(const Product& p) const {
    std::string text = "product";
    for (const Network& branch : p.branches) text += fmt::format("{{{}}}", canonical(branch));
    return text;
  }
  std::string operator()(const Activation& activation) const { return canonical(activation); }
};

}  // namespace

std::string canonical(const Network& network) {
  std::string text;
  for (const Layer& layer : network) {
    if (!text.empty()) text += ' ';
    text += std::visit(LayerText{}, layer.kind());
  }
  return text;
}

}  // namespace widegram::kernels
