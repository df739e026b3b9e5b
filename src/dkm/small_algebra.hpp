#pragma once

#include <cblas.h>

#include <span>
#include <string>

#include "src/base/matrix.hpp"

namespace widegram::dkm {

/// Dense algebra on the inducing points' matrices, in double on one rank.
using Gram = Matrix<double>;

/// c = alpha op(a) op(b) + beta c.
void multiply(double alpha, CBLAS_TRANSPOSE op_a, MatrixView<const double> a, CBLAS_TRANSPOSE op_b,
              MatrixView<const double> b, double beta, MatrixView<double> c);
/// a b.
Gram product(const Gram& a, const Gram& b);
Gram transposed(const Gram& a);
/// (a + a^T) / 2.
Gram symmetrised(const Gram& a);
/// a += factor b.
void add(Gram& a, double factor, const Gram& b);
/// sum_ij a_ij b_ij.
double dot(const Gram& a, const Gram& b);
double trace(const Gram& a);

/// A positive definite matrix, factored.
struct Factored {
  Gram lower;          ///< L, zeros above
  Gram inverse_lower;  ///< L^-1, zeros above
  Gram inverse;        ///< (L L^T)^-1
  double log_determinant = 0;
};

/// Of factor(), in units of the third power of the points.
inline constexpr double factor_flops = 8.0 / 3;

/// Throws Error(numerical) that names the layer, the failing minor and what to change.
Factored factor(const Gram& a, const std::string& layer);

}  // namespace widegram::dkm
