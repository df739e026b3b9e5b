#include "src/kernels/activation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"
#include "src/kernels/activation_functions.hpp"
#include "src/kernels/canonical.hpp"
#include "src/kernels/series.hpp"

namespace widegram::kernels {
namespace {

constexpr std::size_t max_degree = 64;  // (2 * 64)! still fits a double, and so do all moments on the way

[[noreturn]] void refuse(const std::string& message) { throw Error(ExitCode::usage, message); }

template <class Entries>
std::vector<std::string> names_of(const Entries& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  return names;
}

std::vector<ActivationOperation> all_operations() {
  std::vector<ActivationOperation> operations{
      {"relu"},
      {"leaky_relu", {{"slope", false, {0.01}}}},
      {"abs"},
      {"abrelu", {{"a"}, {"b"}}},
      {"erf"},
      {"gelu"},
      {"sin", {{"phase", false, {0.0}}}},
      {"cos"},
      {"rbf", {{"gamma", false, {1.0}}}},
      {"gaussian"},
      {"exp"},
      {"exp_normalized", {{"gamma", false, {1.0}}, {"shift", false, {-1.0}}}},
      {"sign"},
      {"monomial", {{"degree"}}},
      {"polynomial", {{"coefficients", true}}},
      {"hermite", {{"coefficients", true}}},
      {"swish"},
  };
  for (const NumericalFunction& function : numerical_functions()) operations.push_back({function.name});
  return operations;
}

/// What was given for the operation's parameters, or their defaults, in the order of the operation's own
/// list.
std::vector<std::vector<double>> resolve(const ActivationOperation& operation,
                                         const ActivationParameters& given) {
  const std::vector<std::string> known = names_of(operation.parameters);
  for (const auto& [name, values] : given) {
    const auto parameter = std::ranges::find(operation.parameters, name, &ActivationParameter::name);
    if (parameter == operation.parameters.end())
      refuse(fmt::format("activation '{}' has no parameter '{}'{}", operation.name, name,
                         known.empty() ? "; it takes none" : suggestion(name, known)));
    if (!parameter->is_list && values.size() != 1)
      refuse(
          fmt::format("activation '{}': '{}' takes one number, not {}", operation.name, name, values.size()));
  }
  std::vector<std::vector<double>> resolved;
  for (const ActivationParameter& parameter : operation.parameters) {
    const auto found = given.find(parameter.name);
    if (found == given.end() && parameter.default_value.empty())
      refuse(fmt::format("activation '{}' needs '{}'", operation.name, parameter.name));
    resolved.push_back(found == given.end() ? parameter.default_value : found->second);
  }
  return resolved;
}

Polynomial polynomial(std::vector<double> coefficients) {
  while (coefficients.size() > 1 && coefficients.back() == 0) coefficients.pop_back();
  return {std::move(coefficients)};
}

Polynomial monomial(double degree) {
  if (!(degree >= 0 && degree <= static_cast<double>(max_degree)) || degree != std::floor(degree))
    refuse(fmt::format("activation 'monomial': degree = {} is not a whole number from 0 to {}", degree,
                       max_degree));
  std::vector<double> coefficients(static_cast<std::size_t>(degree) + 1, 0.0);
  coefficients.back() = 1;
  return {std::move(coefficients)};
}

void check_coefficients(const std::vector<double>& coefficients) {
  if (coefficients.empty()) refuse("activation: coefficients is empty; give the constant term first");
  if (coefficients.size() > max_degree + 1)
    refuse(fmt::format("activation: {} coefficients, more than the {} of degree {}", coefficients.size(),
                       max_degree + 1, max_degree));
}

void check_finite(const char* name, double value) {
  if (!std::isfinite(value)) refuse(fmt::format("activation: {} = {} is not a finite number", name, value));
}

void check_positive(const char* name, double value) {
  check_finite(name, value);
  if (value <= 0) refuse(fmt::format("activation: {} = {} is not above 0", name, value));
}

struct Check {
  void operator()(const AbRelu& f) const {
    check_finite("a (the slope below 0)", f.a);
    check_finite("b (the slope above 0)", f.b);
  }
  void operator()(const Sine& f) const { check_finite("phase", f.phase); }
  void operator()(const Rbf& f) const { check_positive("gamma", f.gamma); }
  void operator()(const NormalizedExponential& f) const {
    check_positive("gamma", f.gamma);
    check_finite("shift", f.shift);
  }
  void operator()(const Polynomial& f) const {
    check_coefficients(f.coefficients);
    for (const double coefficient : f.coefficients) check_finite("coefficients", coefficient);
  }
  void operator()(const Numerical& f) const { numerical_function(f.name); }
  void operator()(const auto&) const {}
};

struct Canonical {
  std::string operator()(const AbRelu& f) const {
    if (f.b != 1) return fmt::format("abrelu({},{})", f.a, f.b);
    if (f.a == 0) return "relu";
    if (f.a == -1) return "abs";
    return fmt::format("leaky_relu({})", f.a);
  }
  std::string operator()(const Erf&) const { return "erf"; }
  std::string operator()(const Gelu&) const { return "gelu"; }
  std::string operator()(const Sine& f) const {
    if (f.phase == 0) return "sin";
    return f.phase == std::numbers::pi / 2 ? "cos" : fmt::format("sin({})", f.phase);
  }
  std::string operator()(const Rbf& f) const { return fmt::format("rbf({})", f.gamma); }
  std::string operator()(const Gaussian&) const { return "gaussian"; }
  std::string operator()(const Exponential&) const { return "exp"; }
  std::string operator()(const NormalizedExponential& f) const {
    return fmt::format("exp_normalized({},{})", f.gamma, f.shift);
  }
  std::string operator()(const Sign&) const { return "sign"; }
  std::string operator()(const Polynomial& f) const {
    return fmt::format("polynomial({})", fmt::join(f.coefficients, ","));
  }
  std::string operator()(const Numerical& f) const { return f.name; }
};

Activation make_resolved(const std::string& name, const std::vector<std::vector<double>>& values) {
  const auto number = [&](std::size_t i) { return values[i].front(); };
  if (name == "relu") return AbRelu{0, 1};
  if (name == "leaky_relu") return AbRelu{number(0), 1};
  if (name == "abs") return AbRelu{-1, 1};
  if (name == "abrelu") return AbRelu{number(0), number(1)};
  if (name == "erf") return Erf{};
  if (name == "gelu") return Gelu{};
  if (name == "sin") return Sine{number(0)};
  if (name == "cos") return Sine{std::numbers::pi / 2};
  if (name == "rbf") return Rbf{number(0)};
  if (name == "gaussian") return Gaussian{};
  if (name == "exp") return Exponential{};
  if (name == "exp_normalized") return NormalizedExponential{number(0), number(1)};
  if (name == "sign") return Sign{};
  if (name == "monomial") return monomial(number(0));
  if (name == "polynomial") return polynomial(values[0]);
  if (name == "hermite") {
    check_coefficients(values[0]);
    return polynomial(polynomial_from_hermite(values[0]));
  }
  return Numerical{name == "swish" ? "silu" : name};
}

}  // namespace

std::span<const ActivationOperation> activation_operations() {
  static const std::vector<ActivationOperation> operations = all_operations();
  return operations;
}

const ActivationOperation* find_activation_operation(const std::string& name) {
  const auto operations = activation_operations();
  const auto found = std::ranges::find(operations, name, &ActivationOperation::name);
  return found == operations.end() ? nullptr : &*found;
}

Activation make_activation(const std::string& name, const ActivationParameters& parameters) {
  const ActivationOperation* operation = find_activation_operation(name);
  if (operation == nullptr)
    refuse(
        fmt::format("unknown activation '{}'{}", name, suggestion(name, names_of(activation_operations()))));
  Activation activation = make_resolved(name, resolve(*operation, parameters));
  check_activation(activation);
  return activation;
}

void check_activation(const Activation& activation) { std::visit(Check{}, activation); }

std::string canonical(const Activation& activation) { return std::visit(Canonical{}, activation); }

}  // namespace widegram::kernels
