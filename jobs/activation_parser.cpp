#include "jobs/activation_parser.hpp"

#include <fmt/format.h>

#include <utility>

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"

namespace widegram::jobs {
namespace {

using kernels::ActivationOperation;
using kernels::ActivationParameter;
using kernels::ActivationParameters;

/// A parameter as TOML; whole numbers stay without a point, since numbers are read either way.
std::string show(const ActivationParameter& parameter, const std::vector<double>& values) {
  if (values.empty()) return "";
  const std::string joined = fmt::format("{}", fmt::join(values, ", "));
  return parameter.is_list ? "[" + joined + "]" : joined;
}

std::vector<double> read_parameter(const ActivationParameter& parameter, const Value& value) {
  return parameter.is_list ? value.numbers({}) : std::vector<double>{value.number({})};
}

const ActivationOperation& find(const Value& op) {
  const std::string name = op.text();
  if (const ActivationOperation* known = kernels::find_activation_operation(name)) return *known;
  std::vector<std::string> names;
  for (const ActivationOperation& operation : kernels::activation_operations())
    names.push_back(operation.name);
  op.refuse(fmt::format("names the unknown activation '{}'{}", name, suggestion(name, names)));
}

ActivationParameters read_parameters(const ActivationOperation& operation, const Value& value) {
  ActivationParameters given;
  std::vector<std::string> names{"op"};
  for (const ActivationParameter& parameter : operation.parameters) names.push_back(parameter.name);
  for (const auto& [key, node] : value.table()) {
    const std::string name(key.str());
    const Value item(node, value.path() + "." + name);
    if (name == "op") continue;
    const auto parameter = std::find_if(operation.parameters.begin(), operation.parameters.end(),
                                        [&](const ActivationParameter& p) { return p.name == name; });
    if (parameter == operation.parameters.end()) refuse_unknown_key(item, names);
    given[name] = read_parameter(*parameter, item);
  }
  return given;
}

std::string write(const ActivationOperation& operation, const ActivationParameters& given) {
  std::string toml = fmt::format("{{ op = \"{}\"", operation.name);
  for (const ActivationParameter& parameter : operation.parameters) {
    const auto found = given.find(parameter.name);
    const std::string text = show(parameter, found == given.end() ? parameter.default_value : found->second);
    if (!text.empty()) toml += fmt::format(", {} = {}", parameter.name, text);
  }
  return toml + " }";
}

ParsedActivation make(const ActivationOperation& operation, const ActivationParameters& given,
                      const Value& value) {
  try {
    return {kernels::make_activation(operation.name, given), write(operation, given)};
  } catch (const Error& error) {
    value.refuse("= " + write(operation, given) + ": " + error.what());
  }
}

}  // namespace

ParsedActivation parse_activation(const Value& value) {
  if (value.node().is_string()) return make(find(value), {}, value);
  if (!value.node().is_table())
    value.wrong_type("an activation's name or a table such as { op = \"leaky_relu\", slope = 0.1 }");
  const toml::node* op = value.table().get("op");
  if (op == nullptr) value.refuse("has no op; write e.g. { op = \"relu\" }");
  const ActivationOperation& operation = find(Value(*op, value.path() + ".op"));
  return make(operation, read_parameters(operation, value), value);
}

std::vector<OperationInfo> activation_operations() {
  std::vector<OperationInfo> all;
  for (const ActivationOperation& operation : kernels::activation_operations()) {
    OperationInfo info{operation.name, "activation", {}};
    for (const ActivationParameter& parameter : operation.parameters)
      info.keys.push_back({parameter.name, parameter.is_list ? "list of numbers" : "number",
                           show(parameter, parameter.default_value), ""});
    all.push_back(std::move(info));
  }
  return all;
}

}  // namespace widegram::jobs
