#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "src/kernels/dual.hpp"

namespace widegram::kernels::test {

/// An activation beside the function it stands for, and how close its dual can be to that function's.
struct Sample {
  std::string name;
  Activation activation;
  std::function<double(double)> value;
  std::function<double(double)> derivative;
  double tolerance = 1e-12;  ///< of sqrt(D(q11, q11, q11) D(q22, q22, q22))
};

/// One of every activation that is a function of its pre-activation.
std::vector<Sample> samples();

/// Variances and covariance of a pair.
struct Pair {
  double q11;
  double c;
  double q22;
};

/// Variances from 0.05 to 2, correlations anywhere, at 0, near both ends and at them.
std::vector<Pair> pairs();

/// E[f(u) f(v)] by the definition: polar coordinates, cut along the lines u = 0 and v = 0.
double expectation(const std::function<double(double)>& f, Pair pair);

/// One entry through the vectors, in double.
DualDiagonal vector_dual(const Activation& activation, Pair pair);

/// Square root of the product of both diagonals: what an entry is measured by.
DualDiagonal scale(const Activation& activation, Pair pair);

}  // namespace widegram::kernels::test
