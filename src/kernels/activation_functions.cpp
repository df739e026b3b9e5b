#include "src/kernels/activation_functions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"

namespace widegram::kernels {
namespace {

double logistic(double x) { return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }
double logistic_derivative(double x) { return logistic(x) * logistic(-x); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double tanh_value(double x) { return std::tanh(x); }
double tanh_derivative(double x) {
  const double c = std::cosh(x);
  return 1 / (c * c);
}

double arctan(double x) { return std::atan(x); }
double arctan_derivative(double x) { return 1 / (1 + x * x); }

double silu(double x) { return x * logistic(x); }
double silu_derivative(double x) { return logistic(x) + x * logistic_derivative(x); }

double mish(double x) { return x * std::tanh(softplus(x)); }
double mish_derivative(double x) {
  return std::tanh(softplus(x)) + x * tanh_derivative(softplus(x)) * logistic(x);
}

double elu(double x) { return x >= 0 ? x : std::expm1(x); }
double elu_derivative(double x) { return x >= 0 ? 1 : std::exp(x); }

double squareplus(double x) { return (x + std::sqrt(x * x + 4)) / 2; }
double squareplus_derivative(double x) { return (1 + x / std::sqrt(x * x + 4)) / 2; }

// GELU as many trained networks have it: Hendrycks and Gimpel, arXiv:1606.08415, the approximation by tanh.
constexpr double gelu_scale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double gelu_cubic = 0.044715;
double gelu_tanh(double x) { return x / 2 * (1 + std::tanh(gelu_scale * (x + gelu_cubic * x * x * x))); }
double gelu_tanh_derivative(double x) {
  const double inner = gelu_scale * (x + gelu_cubic * x * x * x);
  return (1 + std::tanh(inner)) / 2 +
         x / 2 * tanh_derivative(inner) * gelu_scale * (1 + 3 * gelu_cubic * x * x);
}

}  // namespace

std::span<const NumericalFunction> numerical_functions() {
  static const std::array<NumericalFunction, 9> functions{{
      {"tanh", tanh_value, tanh_derivative},
      {"sigmoid", logistic, logistic_derivative},
      {"arctan", arctan, arctan_derivative},
      {"softplus", softplus, logistic},
      {"silu", silu, silu_derivative},
      {"mish", mish, mish_derivative},
      {"squareplus", squareplus, squareplus_derivative},
      {"gelu_tanh", gelu_tanh, gelu_tanh_derivative},
      {"elu", elu, elu_derivative, {-1, -1, -1}},
  }};
  return functions;
}

const NumericalFunction& numerical_function(const std::string& name) {
  std::vector<std::string> names;
  for (const NumericalFunction& function : numerical_functions()) {
    if (function.name == name) return function;
    names.push_back(function.name);
  }
  throw Error(ExitCode::usage,
              "no function '" + name + "' to find a dual for by quadrature" + suggestion(name, names));
}

}  // namespace widegram::kernels
