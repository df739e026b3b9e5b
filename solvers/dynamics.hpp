#pragma once

#include <vector>

#include "solvers/eigen.hpp"
#include "solvers/training_law.hpp"
#include "src/base/matrix.hpp"
#include "src/dist/matrix.hpp"

namespace widegram::solvers {

/// How a wide network learns: the function f at the training samples, zero at first, trained on the squared
/// loss 1 / (2 n k) |f - y|^2 over n samples and k target columns with the kernel K (the NTK, or the NNGP
/// where the last layer alone is trained). That is the convention of neural-tangents' gradient_descent_mse,
/// whose learning_rate is `rate`. With the eigenvalues l of K + ridge I,
///   flow:  share(t) = 1 - exp(-rate l t / (n k)),     steps: share(t) = 1 - (1 - rate l / (n k))^t
/// of the targets' part along an eigenvector is learned, and alpha(t) = (K + ridge I)^-1 share(t) y. Outputs
/// at any sample are K(sample, train) alpha(t). t may be infinity, where K + ridge I must be positive
/// definite and a step rate below largest_stable_rate(). Eigenvalues below zero by rounding count as zero.
///
/// The eigendecomposition must outlive this. All members but rates and losses are collective over its grid.
/// Errors: CollectiveError(usage) for a t that is negative or not whole where steps are counted, a rate that
/// is not above zero, or one too large for t = infinity; CollectiveError(numerical) as of inverted(), for
/// t = infinity alone. Sources: Jacot, Gabriel and Hongler, Neural tangent kernel (2018); Lee et al., Wide
/// neural networks of any depth evolve as linear models under gradient descent (2019).
class TrainingDynamics {
 public:
  /// targets: n x k on the grid of the eigenvectors in blocks of the same size. 2 n^2 k flops; n k numbers
  /// are held by each rank.
  TrainingDynamics(const Eigendecomposition& kernel, const dist::DistributedMatrix<double>& targets,
                   const DynamicsOptions& options = {});

  /// 2 n k / largest eigenvalue: gradient descent at a higher rate diverges.
  double largest_stable_rate() const;

  /// 1 / (2 n k) |f(t) - y|^2 at the training samples. n flops, no communication.
  double loss(double t) const;

  /// alpha(t), n x k. 2 n^2 k flops.
  dist::DistributedMatrix<double> coefficients(double t) const;

  /// f(t) = K alpha(t), n x k. 2 n^2 k flops.
  dist::DistributedMatrix<double> outputs(double t) const;

  /// (K + ridge I)^-1 share(t) along each eigenvector: alpha(t) is V diag(weights) V^T y.
  std::vector<double> coefficient_weights(double t) const;

  const Eigendecomposition& kernel() const { return kernel_; }
  const TrainingLaw& law() const { return law_; }

 private:
  const Eigendecomposition& kernel_;
  TrainingLaw law_;
  Matrix<double> projected_;           ///< V^T y
  std::vector<double> target_powers_;  ///< sums of its squares over the columns
};

/// Covariance at b test samples of the infinite ensemble of networks, each trained by `ntk` from its own
/// random initialisation, whose covariance is the NNGP kernel: with W = (K + ridge I)^-1 share(t) and the n x
/// b blocks T = K_ntk(train, test), N = K_nngp(train, test),
///   K_nngp(test, test) - T^T W N - (T^T W N)^T + T^T W K_nngp(train, train) W T.
/// The mean is K_ntk(test, train) alpha(t). nngp: n x n with both triangles filled; prior: the b x b block
/// K_nngp(test, test); all on the grid of the eigenvectors in blocks of the same size. Collective over the
/// grid. 6 n^2 b flops and 4 n b^2; three blocks of n x b are held. Variances of many test samples: a block
/// at a time, the diagonals of the answers. Errors as of coefficient_weights(). Source: Lee et al. (2019),
/// eq. 16.
dist::DistributedMatrix<double> ensemble_covariance(const TrainingDynamics& ntk, double t,
                                                    const dist::DistributedMatrix<double>& nngp,
                                                    const dist::DistributedMatrix<double>& cross_ntk,
                                                    const dist::DistributedMatrix<double>& cross_nngp,
                                                    const dist::DistributedMatrix<double>& prior);

}  // namespace widegram::solvers
