#pragma once

#include <functional>
#include <vector>

#include "solvers/observer.hpp"
#include "src/base/matrix.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// The upper end of a symmetric matrix's spectrum.
struct LargestEigenpairs {
  std::vector<double> values;       ///< descending, the same on every rank
  Matrix<double> vectors;           ///< this rank's rows; column j, of norm 1, belongs to values[j]
  std::vector<double> residuals{};  ///< |A v - value v|, by products of their own: an eigenvalue is so close
  Index products = 0;               ///< vectors that the matrix was multiplied by
};

struct LargestOptions {
  Index count = 1;                     ///< eigenpairs, at most the size of the matrix
  double tolerance = 1e-10;            ///< of a residual, relative to the largest eigenvalue
  Index max_products = 0;              ///< 0: 100 for each eigenpair, and 10,000 more
  std::function<void()> check_stop{};  ///< called by all ranks between products; may throw a CollectiveError
  WorkObserver observer{};             ///< in eigenpairs that have converged
};

/// Vectors that largest_eigenpairs() holds at most, of which each rank has its part.
Index largest_eigenpairs_basis(Index count, GlobalIndex n);

/// Block Lanczos from fixed random vectors with full orthogonalisation and thick restarts; the k largest
/// Ritz pairs come through a restart unharmed. Collective over a.comm(). An eigenvalue that is there more
/// than 16 times, the block's width, may be counted 16 times only. Cost: products in blocks of 16 vectors,
/// and 4 n basis flops for each vector. Throws CollectiveError(numerical) where the tolerance is not reached.
/// Sources: Golub and Van Loan, Matrix Computations, 4th ed., section 10.3.6; Wu and Simon, Thick-restart
/// Lanczos method for large symmetric eigenvalue problems (2000).
LargestEigenpairs largest_eigenpairs(const dist::LinearOperator& a, const LargestOptions& options);

}  // namespace widegram::solvers
