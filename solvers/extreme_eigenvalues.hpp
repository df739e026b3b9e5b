#pragma once

#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// Both ends of a symmetric matrix's spectrum.
struct ExtremeEigenvalues {
  double smallest = 0;
  double smallest_error = 0;  ///< some eigenvalue lies this close to `smallest`
  double largest = 0;
  Index steps = 0;  ///< products with the matrix
};

/// Lanczos with full reorthogonalisation from a fixed random vector, until the smaller end is known to 1 % or
/// to n eps |A|, at most `max_steps` products. Both ends approach the true ones from inside. Collective over
/// a.comm(); memory: max_steps vectors in parts. Source: Golub and Van Loan, Matrix Computations, 4th ed.,
/// section 10.1 to 10.3.
ExtremeEigenvalues extreme_eigenvalues(const dist::LinearOperator& a, Index max_steps = 300);

}  // namespace widegram::solvers
