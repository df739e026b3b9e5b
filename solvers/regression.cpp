#include "solvers/regression.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "solvers/checks.hpp"
#include "src/base/timer.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"

namespace widegram::solvers {

double Ridge::absolute(const dist::DistributedMatrix<double>& a) const {
  return relative ? value * dist::mean_diagonal(a) : value;
}

RegressionFit fit_ridge(dist::DistributedMatrix<double> a, const dist::DistributedMatrix<double>& targets,
                        const RidgeOptions& options) {
  check_ridge(options.ridge.value);
  check_finite(targets, "the targets");
  const double ridge = options.ridge.absolute(a);
  const Timer factoring;
  Cholesky factor(std::move(a), ridge, options.observer);
  const double seconds = factoring.seconds();
  RegressionFit fit = fit_ridge(factor, targets);
  fit.seconds.factor = seconds;
  return fit;
}

RegressionFit fit_ridge(Cholesky& factor, const dist::DistributedMatrix<double>& targets) {
  check_finite(targets, "the targets");
  RegressionFit fit;
  fit.ridge = factor.ridge();
  fit.log_determinant = factor.log_determinant();
  const Timer solving;
  const dist::DistributedMatrix<double> alpha = factor.solve(targets);
  fit.seconds.solve = solving.seconds();
  const Timer checking;
  const std::vector<double> residuals = factor.relative_residuals(targets, alpha);
  fit.relative_residual = *std::max_element(residuals.begin(), residuals.end());
  fit.seconds.residual = checking.seconds();
  fit.alpha = dist::gather(alpha);
  return fit;
}

}  // namespace widegram::solvers
