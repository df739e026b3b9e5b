#pragma once

#include <array>
#include <span>
#include <string>

namespace widegram::kernels {

/// A function whose dual is found by quadrature: continuous, with a continuous derivative, growing no faster
/// than a line. Analytic within |Im x| < 1 of the real line, or so on either side of 0.
struct NumericalFunction {
  std::string name;
  double (*value)(double);
  double (*derivative)(double);
  std::array<double, 3>
      steps{};  ///< of the second, third and fourth derivative at 0; zeros for an analytic function

  bool kinked() const { return steps[0] != 0; }
};

std::span<const NumericalFunction> numerical_functions();

/// Throws Error(usage) with the nearest name for an unknown one.
const NumericalFunction& numerical_function(const std::string& name);

}  // namespace widegram::kernels
