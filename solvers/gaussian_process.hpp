#pragma once

#include <functional>
#include <span>
#include <vector>

#include "solvers/cg.hpp"
#include "solvers/cholesky.hpp"
#include "solvers/eigen.hpp"
#include "src/base/matrix.hpp"

namespace widegram::solvers {

/// Sets `cross` (n x tests.size(), on the solver's grid) to K(train, test samples `tests`). Called on every
/// rank in the same order; it may communicate over the grid.
using CrossBlock = std::function<void(Range tests, dist::DistributedMatrix<double>& cross)>;

/// Posterior variances k(x, x) - k(x)^T (A + ridge I)^-1 k(x) of the latent function at m test samples. Every
/// rank brings all prior variances k(x, x) and has all answers; those that rounding takes below zero are
/// zero. Test samples go `stretch` at a time (0: four blocks for each column of the grid), so that n x
/// stretch numbers are held over all ranks, twice with eigen. Collective over the grid; n^2 m flops, 2 n^2 m
/// with eigen. With eigen, errors as of inverted(). Source: Rasmussen and Williams, Gaussian processes for
/// machine learning, algorithm 2.1.
std::vector<double> posterior_variance(const Cholesky& factor, std::span<const double> prior,
                                       const CrossBlock& cross, Index stretch = 0);
std::vector<double> posterior_variance(const Eigendecomposition& eigen, double ridge,
                                       std::span<const double> prior, const CrossBlock& cross,
                                       Index stretch = 0);

/// Right-hand sides that conjugate gradients solve for together, at most: block_cg() holds eight blocks of
/// them.
inline constexpr Index most_columns_at_once = 512;

/// What became of the solves of many stretches.
struct CgVariance {
  std::vector<double> variance;
  Index iterations = 0;
  double relative_residual = 0;  ///< the largest of all solves
};

/// The same where the matrix is not factored. With x from conjugate gradients and r = c - (A + ridge I) x,
/// the explained part is taken as x^T (c + r), which falls short of c^T (A + ridge I)^-1 c by r^T (A + ridge
/// I)^-1 r: of second order in the solver's tolerance, and never too much. The blocks of `cross` lie on
/// `grid`, all ranks of solver.gram().comm() in their order; hooks.column_name and first_column are set here.
/// Beside them each rank holds its rows of most_columns_at_once solutions and what block_cg() needs. Costs
/// and errors as of CgSolver.
CgVariance posterior_variance(CgSolver& solver, const dist::ProcessGrid& grid, Index block,
                              std::span<const double> prior, const CrossBlock& cross, Index stretch,
                              const CgHooks& hooks = {});

/// Negative log density of the targets under the predictions, the mean over test samples and target columns:
/// 1/2 log(2 pi v_i) + (y_ik - mean_ik)^2 / (2 v_i) with v_i = variance_i + noise. targets and mean: m x k,
/// the same on every rank. Throws CollectiveError(numerical) naming the first test sample whose v_i is not
/// above zero.
double negative_log_predictive_density(MatrixView<const double> targets, MatrixView<const double> mean,
                                       std::span<const double> variance, double noise);

}  // namespace widegram::solvers
