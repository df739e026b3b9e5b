#pragma once

#include <functional>
#include <span>
#include <vector>

#include "solvers/cg.hpp"
#include "solvers/cholesky.hpp"
#include "solvers/eigen_training.hpp"
#include "solvers/gaussian_process.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

/// Sets `ntk` and `nngp` (both n x tests.size(), on one grid) to K_ntk(train, tests) and K_nngp(train,
/// tests). Called on every rank in the same order; it may communicate over the grid.
using CrossBlocks = std::function<void(Range tests, dist::DistributedMatrix<double>& ntk,
                                       dist::DistributedMatrix<double>& nngp)>;

/// Variances at m test samples of the infinite ensemble of networks that gradient flow trains to its end: the
/// diagonal of ensemble_covariance() at t = infinity, where it needs no eigendecomposition. With
/// W = (K_ntk + ridge I)^-1 and T, N the blocks of the NTK and the NNGP,
///   K_nngp(x, x) - 2 (W T)^T N + (W T)^T K_nngp W T.
/// Every rank brings all prior variances K_nngp(x, x) and has all answers; those that rounding takes below
/// zero are zero. Test samples go `stretch` at a time: n x stretch numbers over all ranks, twice, and
/// most_columns_at_once of them go through a product with nngp. Collective over the grid, whose ranks are
/// those of nngp.comm() in their order. Source: Lee et al., Wide neural networks of any depth evolve as
/// linear models under gradient descent (2019), eq. 16.
///
/// 2 n^2 m flops and the products with nngp.
std::vector<double> ensemble_variance(const Cholesky& ntk, const dist::LinearOperator& nngp,
                                      std::span<const double> prior, const CrossBlocks& cross, Index stretch);

/// By conjugate gradients on the NTK; unlike a posterior variance the answer is of first order in their
/// tolerance. grid, block, hooks, costs and errors as of posterior_variance().
CgVariance ensemble_variance(CgSolver& ntk, const dist::ProcessGrid& grid, Index block,
                             const dist::LinearOperator& nngp, std::span<const double> prior,
                             const CrossBlocks& cross, Index stretch, const CgHooks& hooks = {});

/// At each of the times of a training, by its eigendecomposition: variances[i] belongs to times[i]. Samples
/// that are held out take no part. A rank holds n x stretch numbers twice more. For each time 4 n^2 m flops
/// and the products with nngp.
std::vector<std::vector<double>> ensemble_variance(const EigenTraining& ntk, std::span<const double> times,
                                                   const dist::LinearOperator& nngp,
                                                   std::span<const double> prior, const CrossBlocks& cross,
                                                   Index stretch);

}  // namespace widegram::solvers
