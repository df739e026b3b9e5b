#pragma once

#include <cstdint>

#include "solvers/observer.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

struct QuadratureOptions {
  Index probes = 16;      ///< random vectors, at least 2: their spread is the error bar
  Index max_steps = 100;  ///< products with A, all probes at once; at most n
  std::uint64_t seed = 0;
  WorkObserver observer{};  ///< in steps; ends early where fewer will do
};

/// An estimate and how far it is to be trusted.
struct StochasticEstimate {
  double value = 0;
  double standard_error = 0;  ///< over the probes
  double lanczos_change = 0;  ///< of the value over the last five steps: not in standard_error
  Index probes = 0;
  Index steps = 0;
};

/// log det(A + ridge I) of a matrix that is not factored, by stochastic Lanczos quadrature: the mean over
/// random vectors z of +-1 of z^T log(A + ridge I) z, each from a Gauss rule on the Ritz values of Lanczos'
/// process with full reorthogonalisation, started from z. Ends once the value no longer moves by more than a
/// twentieth of its standard error in five steps. The vectors are the same on any rank count.
///
/// Collective over a.comm(). One apply() to all probes a step; n probes steps^2 (4) flops beside; memory:
/// n probes (max_steps + 2) numbers in parts. Throws Error(usage) for fewer than 2 probes or 1 step or a
/// ridge below zero, Error(numerical) where a Ritz value shows that A + ridge I is not positive definite.
/// Source: Ubaru, Chen and Saad, Fast estimation of tr(f(A)) via stochastic Lanczos quadrature (2017).
StochasticEstimate stochastic_log_determinant(const dist::LinearOperator& a, double ridge,
                                              const QuadratureOptions& options = {});

}  // namespace widegram::solvers
