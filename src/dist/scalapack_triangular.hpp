#pragma once

#include "src/dist/scalapack.hpp"

namespace widegram::dist {

/// ScaLAPACK on triangular factors and the symmetric matrices that they make, in double and on whole
/// matrices. Collective, operands and errors as in scalapack.hpp. Of a factor (n x n) the lower triangle is
/// read, of a symmetric result it is written.

enum class Side : char { left = 'L', right = 'R' };

/// B <- scale op(L) B, or scale B op(L) where the factor stands on the right; op is L itself or L^T.
/// n^2 k flops for the n k entries of B.
void multiply_lower(Side side, Transpose of_factor, const DistributedMatrix<double>& factor,
                    DistributedMatrix<double>& b, double scale = 1.0);

/// B <- L^-T B. n^2 k flops for k columns.
void solve_lower_transposed(const DistributedMatrix<double>& factor, DistributedMatrix<double>& b);

/// C <- alpha A A^T + beta C for A n x k, C n x n. n^2 k flops.
void syrk(double alpha, const DistributedMatrix<double>& a, double beta, DistributedMatrix<double>& c);

/// (L L^T)^-1 in L's place. 2 n^3 / 3 flops. Every diagonal entry of L is positive.
void invert_factored(DistributedMatrix<double>& factor);

}  // namespace widegram::dist
