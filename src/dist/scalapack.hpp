#pragma once

#include <functional>

#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// The ScaLAPACK routines that widegram uses, on whole matrices. All are collective over the grid, and all
/// operands of one call lie on one grid in blocks of one size; anything else, or an argument that ScaLAPACK
/// refuses, is a std::logic_error. Source: Blackford et al., ScaLAPACK users' guide.

enum class Triangle : char { lower = 'L', upper = 'U' };

/// A = L L^T in place, in the lower triangle; the strictly upper one is neither read nor written. n^3 / 3
/// flops over all ranks. Returns 0, or the order of the first leading minor that is not positive (the factor
/// is then valid in the columns before it). Goes in stretches of whole blocks of columns, about `stretch` at
/// a time (0: its own choice), and tells `observe` behind each how many columns are done.
template <class T>
int potrf(DistributedMatrix<T>& a, const std::function<void(GlobalIndex columns)>& observe = {},
          Index stretch = 0);

/// B <- A^-1 B from potrf's L. 2 n^2 k flops for k columns.
template <class T>
void potrs(const DistributedMatrix<T>& factor, DistributedMatrix<T>& b);

/// C <- A B for a symmetric A of which only `stored` (with the diagonal) is read. 2 n^2 k flops for k
/// columns.
template <class T>
void symm(Triangle stored, const DistributedMatrix<T>& a, const DistributedMatrix<T>& b,
          DistributedMatrix<T>& c);

enum class Transpose : char { no = 'N', yes = 'T' };

/// C <- A B, or A^T B. 2 m n k flops for an m x n result with k in the sum.
void gemm(Transpose of_a, const DistributedMatrix<double>& a, const DistributedMatrix<double>& b,
          DistributedMatrix<double>& c);

/// C <- A^T. Each entry crosses the network once.
void transpose(const DistributedMatrix<double>& a, DistributedMatrix<double>& c);

/// B <- L^-1 B with L in the lower triangle, as potrf() leaves it. n^2 k flops for k columns.
void solve_lower(const DistributedMatrix<double>& factor, DistributedMatrix<double>& b);

/// L^-1 in L's place; the strictly upper triangle is left alone. n^3 / 3 flops over all ranks. Every diagonal
/// entry is positive.
void invert_lower(DistributedMatrix<double>& factor);

}  // namespace widegram::dist
