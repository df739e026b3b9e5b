#pragma once

#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::kernels {

/// Activations with a closed-form dual, each with the parameters that its formula names; x is the
/// pre-activation.

struct AbRelu {  ///< a x for x < 0, b x for x >= 0: relu (0, 1), leaky relu (slope, 1), abs (-1, 1)
  double a = 0.0;
  double b = 1.0;
};
struct Erf {};
struct Gelu {};  ///< the exact one, x Phi(x)
struct Sine {    ///< sin(x + phase); cos has phase pi / 2
  double phase = 0.0;
};
struct Rbf {  ///< sqrt(2) sin(sqrt(2 gamma) x + pi / 4), whose dual is exp(gamma (2c - q11 - q22))
  double gamma = 1.0;
};
struct Gaussian {};             ///< exp(-x^2)
struct Exponential {};          ///< exp(x)
struct NormalizedExponential {  ///< no function of x alone: the dual sqrt(q11 q22) exp(gamma (rho + shift))
  double gamma = 1.0;
  double shift = -1.0;
};
struct Sign {};
struct Polynomial {  ///< sum coefficients[i] x^i
  std::vector<double> coefficients;
};
struct Numerical {  ///< any function that numerical_function(name) knows, by quadrature
  std::string name;
};

/// Scales are no parameters: a f(b x) is f between dense layers whose weight variances hold b^2 and a^2.
using Activation = std::variant<AbRelu, Erf, Gelu, Sine, Rbf, Gaussian, Exponential, NormalizedExponential,
                                Sign, Polynomial, Numerical>;

/// A parameter of an operation in a job file.
struct ActivationParameter {
  std::string name;
  bool is_list = false;                 ///< takes a list of numbers, else one number
  std::vector<double> default_value{};  ///< empty: has to be given
};

/// An operation of a job file that stands for an activation.
struct ActivationOperation {
  std::string name;
  std::vector<ActivationParameter> parameters{};
};

/// All operations that make_activation() knows, for parsers and messages.
std::span<const ActivationOperation> activation_operations();

/// The operation of that name; nullptr where it is none of them.
const ActivationOperation* find_activation_operation(const std::string& name);

/// What was given beside the name, by parameter; a single number is a list of one.
using ActivationParameters = std::map<std::string, std::vector<double>>;

/// The activation that an operation with its parameters stands for. Throws Error(usage) for an unknown name
/// or parameter (with the nearest one), for a missing parameter and for one out of its range.
Activation make_activation(const std::string& name, const ActivationParameters& parameters = {});

/// Throws Error(usage) where a parameter is out of its range: not finite, gamma <= 0, no coefficients or too
/// many of them, a function that nobody knows.
void check_activation(const Activation& activation);

}  // namespace widegram::kernels
