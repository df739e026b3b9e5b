#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::dkm {

/// Adam with bias correction, uphill. Source: Kingma and Ba, Adam: a method for stochastic optimization
/// (2015), algorithm 1.
struct AdamOptions {
  double rate = 0.01;
  double beta1 = 0.8;
  double beta2 = 0.9;
  double epsilon = 1e-8;
};

/// What it has seen; empty at first.
struct AdamState {
  std::vector<double> first, second;  ///< decayed means of the gradient and of its square
  Index steps = 0;
};

/// One step of the parameters, in place. Throws nothing; the same bits on every rank for the same numbers.
inline void adam_step(const AdamOptions& options, double rate, std::span<const double> gradient,
                      AdamState& state, std::span<double> parameters) {
  state.first.resize(parameters.size());
  state.second.resize(parameters.size());
  const double step = static_cast<double>(++state.steps);
  const double first_share = 1 - std::pow(options.beta1, step),
               second_share = 1 - std::pow(options.beta2, step);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    state.first[k] = options.beta1 * state.first[k] + (1 - options.beta1) * gradient[k];
    state.second[k] = options.beta2 * state.second[k] + (1 - options.beta2) * gradient[k] * gradient[k];
    parameters[k] +=
        rate * (state.first[k] / first_share) / (std::sqrt(state.second[k] / second_share) + options.epsilon);
  }
}

}  // namespace widegram::dkm
