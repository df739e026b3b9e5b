#include "solvers/dynamics.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "src/mpi/agree.hpp"
#include "tests/solvers/spectral_support.hpp"
#include "tests/support/messages.hpp"

namespace widegram::solvers {
namespace {

using dist::gather;
using dist::ProcessGrid;
using test::expect_refused;

constexpr double forever = std::numeric_limits<double>::infinity();
constexpr Index columns = 2;

double nngp_entry(GlobalIndex i, GlobalIndex j) { return std::exp(-0.2 * std::abs(point(i) - point(j))); }
double place_of_test(GlobalIndex t) { return 1.3 * static_cast<double>(t) + 0.4; }

Matrix<double> times(const Matrix<double>& a, bool transposed, const Matrix<double>& b) {
  Matrix<double> c(transposed ? a.cols() : a.rows(), b.cols());
  for (Index j = 0; j < c.cols(); ++j)
    for (Index i = 0; i < c.rows(); ++i)
      for (Index k = 0; k < b.rows(); ++k) c(i, j) += (transposed ? a(k, i) : a(i, k)) * b(k, j);
  return c;
}

double half_mean_square(const Matrix<double>& a, const Matrix<double>& b) {
  double sum = 0;
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) sum += std::pow(a(i, j) - b(i, j), 2);
  return sum / static_cast<double>(2 * a.rows() * a.cols());
}

class Dynamics : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());
};

TEST_F(Dynamics, GradientFlowIsTheMatrixExponential) {
  for (const auto [n, block] : sizes)
    for (const double added : {0.0, 0.3}) {
      const Matrix<double> a = filled(n, n, &gram_entry);
      const Matrix<double> b = filled(n, columns, &target_entry);
      const Eigendecomposition eigen = eigendecompose(distributed(grid_, a, block));
      const TrainingDynamics dynamics(eigen, distributed(grid_, b, block), {.rate = 2.0, .ridge = added});
      const DenseEigen dense = dense_eigen(a);
      const double nk = static_cast<double>(n * columns);
      for (const double t : {0.0, 0.1, 7.0, 1e4}) {
        const Matrix<double> alpha = dense_function(
            dense, [&](double x) { return (1 - std::exp(-2.0 * (x + added) * t / nk)) / (x + added); }, b);
        EXPECT_LT(largest_difference(gather(dynamics.coefficients(t)), alpha), 1e-8);
        const Matrix<double> outputs = times(a, false, alpha);
        EXPECT_LT(largest_difference(gather(dynamics.outputs(t)), outputs), 1e-8);
        EXPECT_NEAR(dynamics.loss(t), half_mean_square(outputs, b), 1e-8);
      }
      EXPECT_LT(largest_difference(gather(dynamics.coefficients(forever)), lapack_solve(a, added, b)), 1e-8);
      if (added == 0) {
        EXPECT_LT(dynamics.loss(forever), 1e-20);
      }
      EXPECT_NEAR(dynamics.largest_stable_rate(), 2 * nk / (dense.values.back() + added), 1e-8);
    }
}

TEST_F(Dynamics, GradientDescentIsItsOwnSteps) {
  const GlobalIndex n = 23;
  const Matrix<double> a = filled(n, n, &gram_entry);
  const Matrix<double> b = filled(n, columns, &target_entry);
  const Eigendecomposition eigen = eigendecompose(distributed(grid_, a, 4));
  const auto targets = distributed(grid_, b, 4);
  const double limit = TrainingDynamics(eigen, targets).largest_stable_rate();
  for (const double rate : {0.1 * limit, 0.95 * limit, 1.02 * limit}) {
    const TrainingDynamics dynamics(eigen, targets, {.descent = Descent::steps, .rate = rate});
    Matrix<double> alpha(n, columns);
    for (Index step = 0; step <= 30; ++step) {
      const Matrix<double> outputs = times(a, false, alpha);
      EXPECT_NEAR(dynamics.loss(static_cast<double>(step)), half_mean_square(outputs, b), 1e-8);
      if (step % 10 == 0) {
        EXPECT_LT(largest_difference(gather(dynamics.coefficients(static_cast<double>(step))), alpha), 1e-8);
        EXPECT_LT(largest_difference(gather(dynamics.outputs(static_cast<double>(step))), outputs), 1e-8);
      }
      for (Index k = 0; k < columns; ++k)
        for (Index i = 0; i < n; ++i) alpha(i, k) += rate / (n * columns) * (b(i, k) - outputs(i, k));
    }
    if (rate < limit)
      EXPECT_LT(largest_difference(gather(dynamics.coefficients(forever)), lapack_solve(a, 0.0, b)), 1e-8);
    else
      expect_refused(ExitCode::usage, "are stable", [&] { dynamics.coefficients(forever); });
  }
}

TEST_F(Dynamics, ASingularKernelTrainsForAnyFiniteTime) {
  const GlobalIndex n = 23;
  const Matrix<double> a = gram_with_duplicates(n);
  const Matrix<double> b =
      filled(n, columns, [](GlobalIndex i, GlobalIndex k) { return k == 0 ? 0.0 : target_entry(i, k); });
  const Eigendecomposition eigen = eigendecompose(distributed(grid_, a, 4));
  const TrainingDynamics dynamics(eigen, distributed(grid_, b, 4), {.rate = 1.0});
  const Matrix<double> alpha = gather(dynamics.coefficients(50.0));
  EXPECT_EQ(alpha(5, 0), 0);
  // Euler's steps, short enough to be the flow to some digits.
  Matrix<double> stepped(n, columns);
  for (int step = 0; step < 5000; ++step) {
    const Matrix<double> outputs = times(a, false, stepped);
    for (Index k = 0; k < columns; ++k)
      for (Index i = 0; i < n; ++i) stepped(i, k) += 0.01 / (n * columns) * (b(i, k) - outputs(i, k));
  }
  EXPECT_LT(largest_difference(alpha, stepped), 1e-4);
  expect_refused(ExitCode::numerical, "ridge_absolute = ", [&] { dynamics.coefficients(forever); });
}

TEST_F(Dynamics, WhatMakesNoSenseIsRefused) {
  const Eigendecomposition eigen = eigendecompose(distributed(grid_, filled(10, 10, &gram_entry), 4));
  const auto targets = distributed(grid_, filled(10, 1, &target_entry), 4);
  expect_refused(ExitCode::usage, "training time", [&] { TrainingDynamics(eigen, targets).loss(-1.0); });
  expect_refused(ExitCode::usage, "whole number",
                 [&] { TrainingDynamics(eigen, targets, {.descent = Descent::steps}).loss(1.5); });
  expect_refused(ExitCode::usage, "learning rate", [&] { TrainingDynamics(eigen, targets, {.rate = 0.0}); });
}

TEST_F(Dynamics, TheEnsembleHasTheCovarianceOfItsLinearMaps) {
  const GlobalIndex n = 23;
  const Index b = 5;
  const Matrix<double> ntk = filled(n, n, &gram_entry);
  const Matrix<double> nngp = filled(n, n, &nngp_entry);
  const Matrix<double> cross_ntk =
      filled(n, b, [](Index i, Index t) { return std::exp(-0.5 * std::abs(point(i) - place_of_test(t))); });
  const Matrix<double> cross_nngp =
      filled(n, b, [](Index i, Index t) { return std::exp(-0.2 * std::abs(point(i) - place_of_test(t))); });
  const Matrix<double> prior = filled(
      b, b, [](Index s, Index t) { return std::exp(-0.2 * std::abs(place_of_test(s) - place_of_test(t))); });
  const Eigendecomposition eigen = eigendecompose(distributed(grid_, ntk, 4));
  const TrainingDynamics dynamics(eigen, distributed(grid_, filled(n, columns, &target_entry), 4));
  const auto nngp_here = distributed(grid_, nngp, 4);
  const auto cross_ntk_here = distributed(grid_, cross_ntk, 4);
  const auto cross_nngp_here = distributed(grid_, cross_nngp, 4);
  const auto prior_here = distributed(grid_, prior, 4);
  const DenseEigen dense = dense_eigen(ntk);
  for (const double t : {0.0, 40.0, forever}) {
    const Matrix<double> got =
        gather(ensemble_covariance(dynamics, t, nngp_here, cross_ntk_here, cross_nngp_here, prior_here));
    // f_t(x) = f_0(x) - T(x)^T W f_0(train), so its covariance is that of f_0 under (-W T, I).
    const Matrix<double> weighted = dense_function(
        dense, [&](double x) { return std::isinf(t) ? 1 / x : (1 - std::exp(-x * t / (n * columns))) / x; },
        cross_ntk);
    const Matrix<double> both = times(weighted, true, cross_nngp);
    const Matrix<double> square = times(weighted, true, times(nngp, false, weighted));
    for (Index j = 0; j < b; ++j)
      for (Index i = 0; i < b; ++i) {
        EXPECT_NEAR(got(i, j), prior(i, j) - both(i, j) - both(j, i) + square(i, j), 1e-9);
        EXPECT_EQ(got(i, j), got(j, i));
      }
    if (t == 0) {
      EXPECT_EQ(largest_difference(got, prior), 0);
    }
  }
}

}  // namespace
}  // namespace widegram::solvers
