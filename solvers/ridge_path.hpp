#pragma once

#include <optional>
#include <span>
#include <vector>

#include "solvers/ridge_solutions.hpp"

namespace widegram::solvers {

/// How well one ridge does on the training samples themselves.
struct RidgePoint {
  double ridge = 0;                      ///< the plain number
  double loo_mse = 0;                    ///< mean squared leave-one-out residual over samples and columns
  std::optional<double> loo_accuracy{};  ///< of the largest output, each sample predicted by the others
  double log_evidence = 0;               ///< see log_evidence(), summed over the target columns
  double effective_dimension = 0;        ///< tr A (A + ridge I)^-1
};

struct RidgePathOptions {
  bool classes = false;                 ///< a sample's class is its largest target
  std::optional<RidgeMethod> method{};  ///< the cheaper one if not given
  WorkObserver observer{};              ///< in ridges
};

/// What became of a list of ridges, in the order given.
struct RidgePath {
  std::vector<RidgePoint> points;
  RidgeMethod method = RidgeMethod::cholesky;
};

/// Scores every ridge (plain numbers); one with which a is not positive definite has an infinite error and no
/// evidence, and where that is so with all of them it is Error(numerical). Collective over a's grid. a: n x n
/// with both triangles filled, taken over; targets: n x k on its grid in blocks of the same size. Cost,
/// memory and errors as of for_each_ridge(); each rank holds n k numbers more.
RidgePath ridge_path(dist::DistributedMatrix<double> a, const dist::DistributedMatrix<double>& targets,
                     std::span<const double> ridges, const RidgePathOptions& options = {});

/// The same from an eigendecomposition that is there.
RidgePath ridge_path(const Eigendecomposition& eigen, const dist::DistributedMatrix<double>& targets,
                     std::span<const double> ridges, const RidgePathOptions& options = {});

/// y_i - f_i(x_i) for every sample i and column, where f_i is fitted to all samples but i: alpha_i over the
/// i-th diagonal entry of (A + ridge I)^-1. n x k, the whole of it on every rank. Collective. Source:
/// Rasmussen and Williams, Gaussian processes for machine learning, eq. 5.12.
Matrix<double> leave_one_out_residuals(const RidgeSolution& solution);

/// log p(y) = -1/2 y^T (A + s I)^-1 y - 1/2 log det(A + s I) - n/2 log 2 pi, summed over k target columns;
/// fit: their y^T (A + s I)^-1 y summed. Source: Rasmussen and Williams, eq. 5.8.
double log_evidence(double fit, double log_determinant, GlobalIndex n, Index columns);

/// Number of the point that does best; of equal ones that with the largest ridge.
std::size_t best_by_loo(std::span<const RidgePoint> points);
std::size_t best_by_evidence(std::span<const RidgePoint> points);

}  // namespace widegram::solvers
