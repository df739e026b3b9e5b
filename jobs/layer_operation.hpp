#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/key_table.hpp"
#include "jobs/operation_info.hpp"
#include "src/base/nearest.hpp"

namespace widegram::jobs {

/// A network of some kind of layers with the TOML that it came from, its defaults filled in.
template <class Layer>
struct ParsedLayers {
  std::vector<Layer> network;
  std::string toml;
};

/// What `{ op = "..." }` stands for in a list of layers: one layer, or several.
template <class Layer>
struct LayerOperation {
  OperationInfo info;
  std::function<ParsedLayers<Layer>(const Value&)> parse;
};

/// An operation whose table fills Fields; make(fields, value) turns them into layers.
template <class Layer, class Fields, class Make>
LayerOperation<Layer> layer_operation(const std::string& name, std::string help,
                                      std::vector<Key<Fields>> keys, Make make) {
  const KeyTable<Fields> table(name, std::move(keys), {"op"});
  return {{name, std::move(help), table.info()}, [table, make](const Value& value) {
            Fields fields;
            table.read(value.table(), value.path() + ".", fields);
            std::string toml = fmt::format("{{ op = \"{}\"", table.name());
            for (const std::string& line : table.write(fields)) toml += ", " + line;
            return ParsedLayers<Layer>{make(fields, value), toml + " }"};
          }};
}

/// A key that holds a list of layers; parse: what reads one.
template <class Fields, class Layer>
Key<Fields> layers_key(std::string name, ParsedLayers<Layer> Fields::*field, std::string help,
                       std::function<ParsedLayers<Layer>(const Value&)> parse) {
  return {std::move(name), "list of tables", std::move(help),
          [field, parse](Fields& fields, const Value& value) { fields.*field = parse(value); },
          [field](const Fields& fields) { return (fields.*field).toml; }};
}

/// The layers that a table of a list stands for.
template <class Layer>
ParsedLayers<Layer> parse_layer(const Value& value, const std::vector<LayerOperation<Layer>>& operations) {
  if (!value.node().is_table()) value.wrong_type("a table such as { op = \"conv\" }");
  const toml::node* op = value.table().get("op");
  if (op == nullptr) value.refuse("has no op; write e.g. { op = \"conv\" }");
  const std::string name = Value(*op, value.path() + ".op").text();
  std::vector<std::string> names;
  for (const LayerOperation<Layer>& operation : operations) {
    if (operation.info.name == name) return operation.parse(value);
    names.push_back(operation.info.name);
  }
  value.refuse(fmt::format("has the unknown op '{}'{}", name, suggestion(name, names)));
}

/// A whole list. Throws Error(usage) with file, line and the layer's place for an unknown operation or key,
/// and for values out of range. separator: what stands between layers in the TOML.
template <class Layer>
ParsedLayers<Layer> parse_layers(const Value& layers, const std::vector<LayerOperation<Layer>>& operations,
                                 const std::string& separator = ", ") {
  if (!layers.node().is_array()) layers.wrong_type("a list of layers");
  ParsedLayers<Layer> parsed;
  for (std::size_t i = 0; i < layers.array().size(); ++i) {
    ParsedLayers<Layer> layer = parse_layer(layers.element(i), operations);
    for (Layer& part : layer.network) parsed.network.push_back(std::move(part));
    parsed.toml += (i == 0 ? "" : separator) + layer.toml;
  }
  parsed.toml = "[" + parsed.toml + "]";
  return parsed;
}

}  // namespace widegram::jobs
