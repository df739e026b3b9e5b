#pragma once

#include <cstdint>
#include <vector>

#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// A ~ F F^T for a positive semidefinite A, this rank's rows of F.
struct LowRankFactor {
  Matrix<double> f;                      ///< n x r
  std::vector<GlobalIndex> landmarks{};  ///< the columns that it was made from, if it was
  double shift = 0;                      ///< F F^T is about A + shift I: added so that rounding does no harm
};

/// What all ranks know of A's diagonal.
struct Diagonal {
  std::vector<double> part;
  double trace = 0;
};

/// Collective. Throws Error(numerical) where an entry is negative or not finite, or all are zero.
Diagonal checked_diagonal(const dist::LinearOperator& a);

/// Randomly pivoted Cholesky: columns are drawn with the probabilities that what is left of the diagonal
/// gives, `block` at a time, of which those that the draws before them have made unlikely are rejected; so
/// the choice is distributed as if each had been drawn after the one before. Ends at `rank` columns, or where
/// at most `trace_left` is left of the trace. Collective. About n rank (1.5) entries of A, n rank^2 flops.
/// Sources: Chen, Epperly, Tropp and Webber, Randomly pivoted Cholesky (2022); Epperly, Tropp and Webber,
/// Embrace rejection (2024).
LowRankFactor randomly_pivoted_cholesky(const dist::LinearOperator& a, const Diagonal& diagonal, Index rank,
                                        double trace_left, std::uint64_t seed);

/// Nystroem's approximation from the span of `rank` standard normal vectors: A W (W^T A W)^-1 W^T A. One
/// apply() to them, less `known`: products with the first ones from a call with a lower rank.
LowRankFactor nystrom_by_sketch(const dist::LinearOperator& a, double trace, Index rank, std::uint64_t seed,
                                Matrix<double>& known);

/// The same from `rank` columns of A, each as likely as any other.
LowRankFactor nystrom_by_columns(const dist::LinearOperator& a, double trace, Index rank, std::uint64_t seed);

}  // namespace widegram::solvers
