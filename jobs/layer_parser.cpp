#include "jobs/layer_parser.hpp"

#include <utility>

#include "jobs/activation_parser.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

using namespace kernels;

using Operation = LayerOperation<Layer>;

struct PoolFields {
  Index size = 2;
  std::optional<Index> stride;
};
struct RepeatFields {
  std::optional<Index> times;
  ParsedNetwork layers;
};
struct ResidualFields {
  ParsedNetwork layers;
  ParsedNetwork shortcut{{}, "[]"};
  double scale = 1.0;
};
struct ProductFields {
  std::vector<ParsedNetwork> branches;
};

/// An operation that makes one layer of its fields.
template <class Fields, class Make>
Operation operation(const std::string& name, std::string help, std::vector<Key<Fields>> keys, Make make) {
  return layer_operation<Layer>(
      name, std::move(help), std::move(keys),
      [make](const Fields& fields, const Value& value) { return Network{make(fields, value)}; });
}

/// An operation whose layer is its own fields.
template <class L>
Operation plain(const std::string& name, std::string help, std::vector<Key<L>> keys) {
  return operation<L>(name, std::move(help), std::move(keys),
                      [](const L& layer, const Value&) { return Layer(layer); });
}

template <class Fields>
Key<Fields> network_key(std::string name, ParsedNetwork Fields::*field, std::string help) {
  return layers_key<Fields, Layer>(std::move(name), field, std::move(help),
                                   [](const Value& value) { return parse_network(value); });
}

Key<ProductFields> branches_key() {
  return {"branches", "list of lists of tables", "two networks or more that see the same input",
          [](ProductFields& fields, const Value& value) {
            for (std::size_t i = 0; i < value.array().size(); ++i)
              fields.branches.push_back(parse_network(value.element(i)));
          },
          [](const ProductFields& fields) {
            std::string out;
            for (const ParsedNetwork& branch : fields.branches)
              out += (out.empty() ? "[" : ", ") + branch.toml;
            return out.empty() ? out : out + "]";
          }};
}

/// Weight layers share these two.
template <class L>
std::vector<Key<L>> with_variances(std::vector<Key<L>> keys) {
  keys.push_back(key("weight_variance", &L::weight_variance, "W_std^2", {.least = 0}));
  keys.push_back(key("bias_variance", &L::bias_variance, "b_std^2", {.least = 0}));
  return keys;
}

Layer make_repeat(const RepeatFields& fields, const Value& value) {
  if (!fields.times) value.refuse("needs times = ..., how often its layers come");
  if (fields.layers.network.empty()) value.refuse("needs layers = [...], at least one");
  return Repeat{*fields.times, fields.layers.network};
}

Layer make_residual(const ResidualFields& fields, const Value& value) {
  if (fields.layers.network.empty()) value.refuse("needs layers = [...], its branch, at least one");
  return Residual{fields.layers.network, fields.shortcut.network, fields.scale};
}

Layer make_product(const ProductFields& fields, const Value& value) {
  if (fields.branches.size() < 2) value.refuse("needs branches = [[...], [...]], at least two");
  Product product;
  for (const ParsedNetwork& branch : fields.branches) product.branches.push_back(branch.network);
  return product;
}

std::vector<Operation> layer_operations() {
  return {
      plain<Dense>("dense", "fully connected layer", with_variances<Dense>({})),
      plain<Conv>("conv", "convolution over size x size pixels (the mean over the window)",
                  with_variances<Conv>(
                      {key("size", &Conv::size, "edge of the window, odd", {.least = 1}),
                       key("stride", &Conv::stride, "pixels from one window to the next", {.least = 1}),
                       choice("padding", &Conv::padding, {"same", "valid", "circular"},
                              "border: zeros around (as JAX's SAME), none, or wrapped around")})),
      operation<PoolFields>("avgpool", "mean over size x size pixels, no padding",
                            {key("size", &PoolFields::size, "edge of the window", {.least = 1}),
                             key("stride", &PoolFields::stride,
                                 "pixels from one window to the next; without it: size", {.least = 1})},
                            [](const PoolFields& fields, const Value&) {
                              return Layer(AvgPool{fields.size, fields.stride.value_or(fields.size)});
                            }),
      plain<GlobalAvgPool>("global_avgpool", "mean over all pixels", {}),
      plain<Flatten>("flatten", "all pixels side by side as one vector", {}),
      plain<LayerNorm>(
          "layernorm", "normalisation over channels",
          {key("epsilon", &LayerNorm::epsilon, "added to a variance before its root", {.above = 0})}),
      plain<Dropout>("dropout", "random zeros in training",
                     {key("keep", &Dropout::keep, "share that is kept", {.above = 0, .most = 1})}),
      operation<RepeatFields>("repeat", "its layers, several times over",
                              {key("times", &RepeatFields::times, "how often", {.least = 1, .most = 10000}),
                               network_key("layers", &RepeatFields::layers, "what is repeated")},
                              make_repeat),
      operation<ResidualFields>(
          "residual", "a branch and a shortcut, added up",
          {network_key("layers", &ResidualFields::layers, "the branch"),
           network_key("shortcut", &ResidualFields::shortcut, "the shortcut; [] is the identity"),
           key("scale", &ResidualFields::scale, "factor on the branch", {.above = 0})},
          make_residual),
      operation<ProductFields>("product", "elementwise product of branches", {branches_key()}, make_product)};
}

Operation activation_operation(const OperationInfo& info) {
  return {info, [](const Value& value) {
            ParsedActivation parsed = parse_activation(value);
            return ParsedNetwork{{Layer(std::move(parsed.activation))}, std::move(parsed.toml)};
          }};
}

const std::vector<Operation>& all_operations() {
  static const std::vector<Operation> all = [] {
    std::vector<Operation> list = layer_operations();
    for (const OperationInfo& info : activation_operations()) list.push_back(activation_operation(info));
    return list;
  }();
  return all;
}

}  // namespace

ParsedNetwork parse_network(const Value& layers, const std::string& separator) {
  return parse_layers(layers, all_operations(), separator);
}

std::vector<OperationInfo> operations() {
  std::vector<OperationInfo> all;
  for (const Operation& operation : all_operations()) all.push_back(operation.info);
  return all;
}

}  // namespace widegram::jobs
