#include "jobs/dkm_layers.hpp"

#include <optional>
#include <variant>

#include "jobs/activation_parser.hpp"
#include "src/base/error.hpp"

namespace widegram::jobs {
namespace {

using namespace dkm;

using Operation = LayerOperation<Layer>;

struct InputFields {
  std::optional<Index> inducing;
  Index size = 3;
};
struct MapFields {
  std::optional<ParsedMap> map;  ///< nothing: arccos
  double weight = MapLayer().weight;
  double bias = MapLayer().bias;
};
struct ConvFields {
  std::optional<Index> inducing;
  Index size = ConvLayer().size;
  Index stride = ConvLayer().stride;
};
struct RepeatFields {
  std::optional<Index> times;
  ParsedDkmNetwork layers;
};
struct ResidualFields {
  ParsedDkmNetwork layers;
  ParsedDkmNetwork shortcut{{}, "[]"};
  double scale = ResidualLayer().weight;
  double shortcut_scale = ResidualLayer().shortcut_weight;
};
struct NoFields {};

const Limits positive{.above = 0};

/// One that is no activation.
MapSpec named_map(const Value& value) {
  try {
    return map_spec(value.text());
  } catch (const Error& error) {
    value.refuse(fmt::format("= {}: {}", to_toml(value.text()), error.what()));
  }
}

const std::vector<std::string>& map_names() {
  static const std::vector<std::string> names{"arccos", "sqexp", "normgauss", "linear"};
  return names;
}

Index points_of(const std::optional<Index>& inducing, const Value& value) {
  if (!inducing) value.refuse("needs inducing = ..., how many inducing points it has");
  return *inducing;
}

template <class Fields>
Key<Fields> inducing_key(std::string help) {
  return key("inducing", &Fields::inducing, std::move(help), {.least = 1});
}

/// w and b of the maps.
std::vector<Key<MapFields>> with_weights(std::vector<Key<MapFields>> keys) {
  keys.push_back(key("weight", &MapFields::weight, "w of w K + b, where its learning starts", positive));
  keys.push_back(key("bias", &MapFields::bias, "b, likewise", positive));
  return keys;
}

Network map_layer(const MapFields& fields, const Value&) {
  return {MapLayer{fields.map.value_or(ParsedMap()).map, fields.weight, fields.bias}};
}

Operation named_map_operation(const std::string& name) {
  return layer_operation<Layer>(name, "that kernel map", with_weights({}),
                                [name](const MapFields& fields, const Value&) {
                                  return Network{MapLayer{map_spec(name), fields.weight, fields.bias}};
                                });
}

Operation activation_map_operation(const OperationInfo& info) {
  return {info, [](const Value& value) {
            ParsedMap parsed = parse_map(value);
            return ParsedDkmNetwork{{MapLayer{.map = std::move(parsed.map)}}, std::move(parsed.toml)};
          }};
}

std::vector<Key<NormLayer>> norm_keys() {
  using L = NormLayer;
  return {choice("inducing", &L::inducing, {"none", "global", "local"},
                 "root that the inducing points' kernel is divided by: none, of the mean variance, of their "
                 "own"),
          choice("data", &L::data, {"none", "global", "local", "location", "image"},
                 "the same for the samples: over the batch, their own, a position's over the batch, an "
                 "image's over its positions"),
          choice("inducing_scale", &L::inducing_scale, {"none", "global", "local"},
                 "what is multiplied with behind it, learned: nothing, one number, one an inducing point"),
          choice("data_scale", &L::data_scale, {"none", "global", "local"},
                 "the same for the samples; local: one a position")};
}

Key<RepeatFields> repeated_key() {
  return layers_key<RepeatFields, Layer>("layers", &RepeatFields::layers, "what is repeated",
                                         [](const Value& value) { return parse_dkm_network(value); });
}

Key<ResidualFields> branch_key(std::string name, ParsedDkmNetwork ResidualFields::*field, std::string help) {
  return layers_key<ResidualFields, Layer>(std::move(name), field, std::move(help),
                                           [](const Value& value) { return parse_dkm_network(value); });
}

/// Of a whole network.
constexpr Index most_layers = 10000;

/// With those inside of residuals.
Index layers_of(const Network& network) {
  Index count = 0;
  for (const Layer& layer : network) {
    ++count;
    if (const auto* residual = std::get_if<ResidualLayer>(&layer.kind()))
      count += layers_of(residual->layers) + layers_of(residual->shortcut);
  }
  return count;
}

Network repeated(const RepeatFields& fields, const Value& value) {
  if (!fields.times) value.refuse("needs times = ..., how often its layers come");
  if (fields.layers.network.empty()) value.refuse("needs layers = [...], at least one");
  if (const Index all = *fields.times * layers_of(fields.layers.network); all > most_layers)
    value.refuse(fmt::format("makes {} layers: a network may have {}", all, most_layers));
  Network network;
  for (Index i = 0; i < *fields.times; ++i)
    network.insert(network.end(), fields.layers.network.begin(), fields.layers.network.end());
  return network;
}

Network residual(const ResidualFields& fields, const Value& value) {
  if (fields.layers.network.empty()) value.refuse("needs layers = [...], its branch, at least one");
  return {ResidualLayer{fields.layers.network, fields.shortcut.network, fields.scale, fields.shortcut_scale}};
}

std::vector<Operation> layer_operations() {
  std::vector<Operation> all{
      layer_operation<Layer, InputFields>(
          "input", "patches of the samples beside inducing patches, which are learned; comes first",
          {inducing_key<InputFields>("inducing patches"),
           key("size", &InputFields::size, "edge of a patch, odd", {.least = 1})},
          [](const InputFields& fields, const Value& value) {
            return Network{InputLayer{points_of(fields.inducing, value), fields.size}};
          }),
      layer_operation<Layer, ConvFields>(
          "conv", "mixes inducing points over size x size pixels with learned weights, zeros around",
          {inducing_key<ConvFields>("inducing points that it leaves"),
           key("size", &ConvFields::size, "edge of the window, odd", {.least = 1}),
           key("stride", &ConvFields::stride, "pixels from one window to the next", {.least = 1})},
          [](const ConvFields& fields, const Value& value) {
            return Network{ConvLayer{points_of(fields.inducing, value), fields.size, fields.stride}};
          }),
      layer_operation<Layer, GramLayer>("gram", "learned Gram of the inducing points, held near their kernel",
                                        {key("nu", &GramLayer::nu, "how strongly, times dkm.nu", positive)},
                                        [](const GramLayer& layer, const Value&) { return Network{layer}; }),
      layer_operation<Layer, NormLayer>("norm", "divides kernels by a root of mean variances, then scales",
                                        norm_keys(),
                                        [](const NormLayer& layer, const Value&) { return Network{layer}; }),
      layer_operation<Layer, NoFields>("global_avgpool", "mean over all pixels", {},
                                       [](const NoFields&, const Value&) { return Network{PoolLayer{}}; }),
      layer_operation<Layer, RepeatFields>(
          "repeat", "its layers, several times over, each time with parameters of their own",
          {key("times", &RepeatFields::times, "how often", {.least = 1, .most = 10000}), repeated_key()},
          repeated),
      layer_operation<Layer, ResidualFields>(
          "residual", "a branch and a shortcut, added up",
          {branch_key("layers", &ResidualFields::layers, "the branch"),
           branch_key("shortcut", &ResidualFields::shortcut, "the shortcut; [] is the identity"),
           key("scale", &ResidualFields::scale, "factor on the branch", positive),
           key("shortcut_scale", &ResidualFields::shortcut_scale, "factor on the shortcut", positive)},
          residual)};
  const Key<MapFields> kernel{"kernel", "name or table with op", "as dkm.kernel takes it",
                              [](MapFields& fields, const Value& value) { fields.map = parse_map(value); },
                              [](const MapFields& fields) { return fields.map.value_or(ParsedMap()).toml; }};
  all.push_back(layer_operation<Layer, MapFields>("map", "what makes a kernel of a Gram: w k + b",
                                                  with_weights({kernel}), map_layer));
  for (const std::string& name : map_names()) all.push_back(named_map_operation(name));
  return all;
}

const std::vector<Operation>& all_operations() {
  static const std::vector<Operation> all = [] {
    std::vector<Operation> list = layer_operations();
    for (const OperationInfo& info : activation_operations()) list.push_back(activation_map_operation(info));
    return list;
  }();
  return all;
}

}  // namespace

ParsedMap parse_map(const Value& value) {
  if (value.node().is_string() && kernels::find_activation_operation(value.text()) == nullptr)
    return {named_map(value), to_toml(value.text())};
  ParsedActivation parsed = parse_activation(value);
  return {{MapSpec::Kind::dual, std::move(parsed.activation)}, std::move(parsed.toml)};
}

ParsedDkmNetwork parse_dkm_network(const Value& layers, const std::string& separator) {
  return parse_layers(layers, all_operations(), separator);
}

ParsedNorm parse_norm(const Value& value) {
  static const KeyTable<NormLayer> table("norm", norm_keys());
  ParsedNorm parsed;
  table.read(value.table(), value.path() + ".", parsed.norm);
  parsed.toml = fmt::format("{{ {} }}", fmt::join(table.write(parsed.norm), ", "));
  return parsed;
}

std::vector<OperationInfo> dkm_operations() {
  std::vector<OperationInfo> infos;
  for (const Operation& operation : layer_operations()) infos.push_back(operation.info);
  return infos;
}

}  // namespace widegram::jobs
