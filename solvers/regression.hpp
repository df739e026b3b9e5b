#pragma once

#include <optional>

#include "solvers/cholesky.hpp"
#include "solvers/preconditioner.hpp"
#include "src/base/matrix.hpp"

namespace widegram::solvers {

/// What is added to the diagonal.
struct Ridge {
  double value = 1e-4;
  bool relative = true;  ///< to the matrix's mean diagonal

  /// As the plain number. Collective over the grid.
  double absolute(const dist::DistributedMatrix<double>& a) const;
};

/// Seconds that the parts of a fit took on this rank.
struct FitSeconds {
  double factor = 0;        ///< Cholesky alone
  double precondition = 0;  ///< making the preconditioner
  double solve = 0;         ///< all target columns
  double residual = 0;      ///< residuals with the true matrix, where they are not part of the solve
};

/// Kernel ridge regression: (A + ridge I) alpha = targets.
struct RegressionFit {
  Matrix<double> alpha;  ///< n x k, the whole of it on every rank
  double ridge = 0;      ///< the plain number
  double relative_residual =
      0;                 ///< |targets - (A + ridge I) alpha| / |targets|, the largest over the columns
  Index iterations = 0;  ///< of all columns together; 0 for Cholesky
  std::optional<double> log_determinant{};  ///< of A + ridge I, where it was factored in double
  FitSeconds seconds;
  PreconditionerReport preconditioner;
};

struct RidgeOptions {
  Ridge ridge;
  WorkObserver observer{};
};

/// Fits all target columns by Cholesky. Collective over a's grid. a: n x n with both triangles filled, taken
/// over (its memory holds the factor); targets: n x k on the same grid in blocks of the same size. Each rank
/// holds alpha as a whole, n k numbers. Cost and errors as of Cholesky.
RegressionFit fit_ridge(dist::DistributedMatrix<double> a, const dist::DistributedMatrix<double>& targets,
                        const RidgeOptions& options = {});

/// The same with a factor that is there, and stays. 4 n^2 k flops.
RegressionFit fit_ridge(Cholesky& factor, const dist::DistributedMatrix<double>& targets);

}  // namespace widegram::solvers
