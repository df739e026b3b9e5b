#pragma once

#include <string>
#include <variant>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::kernels {

/// Activations with a closed-form dual, each with the parameters that its formula names; x is the pre-activation.

struct AbRelu {  ///< a x for x < 0, b x for x >= 0: relu (0, 1), leaky relu (slope, 1), abs (-1, 1)
  double a = 0.0;
  double b = 1.0;
};
struct Erf {};
struct Gelu {};  ///< the exact one, x Phi(x)
struct Sine {    ///< sin(x + phase); cos has phase pi / 2
  double phase = 0.0;
};
struct Rbf {  ///< random features whose dual is exp(-gamma |u - v|^2) in the covariance: exp(gamma (2c - q11 - q22))
  double gamma = 1.0;
};
struct Gaussian {};     ///< exp(-x^2)
struct Exponential {};  ///< exp(x)
struct Sign {};
struct Polynomial {  ///< sum coefficients[i] x^i
  std::vector<double> coefficients;
};
struct Numerical {  ///< any function that numerical_function(name) knows, by quadrature
  std::string name;
};

using Activation =
    std::variant<AbRelu, Erf, Gelu, Sine, Rbf, Gaussian, Exponential, Sign, Polynomial, Numerical>;

}  // namespace widegram::kernels
