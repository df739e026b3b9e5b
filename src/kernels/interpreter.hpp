#pragma once

#include "src/kernels/block.hpp"
#include "src/kernels/network.hpp"
#include "src/kernels/pixel_ops.hpp"

namespace widegram::kernels {

/// Runs a network on a block of pairs, in place: K and T as they are at its input become those at its output.
/// `Steps` knows what layers do that need the variances of the members (steps.hpp). Formulas:
/// neural-tangents' stax, parameterization "ntk".
template <class Real, class Steps>
class Interpreter {
 public:
  Interpreter(Steps& steps, Workspace<Real>& workspace) : steps_(steps), workspace_(workspace) {}

  void run(const Network& network, Block<Real>& block) {
    for (const Layer& layer : network)
      std::visit([&](const auto& kind) { apply(kind, block); }, layer.kind());
  }

 private:
  void apply(const Dense& dense, Block<Real>& block) {
    apply_weights(block, Real(dense.weight_variance), Real(dense.bias_variance), workspace_);
  }

  void apply(const Conv& conv, Block<Real>& block) {
    const double taps = static_cast<double>(conv.size * conv.size);
    double weight = conv.weight_variance / taps;
    if (block.is_image())
      sum_windows(block, conv, workspace_);
    else if (conv.padding == Padding::circular)
      weight *= taps;  // a single pixel is its own neighbour on all sides
    apply_weights(block, Real(weight), Real(conv.bias_variance), workspace_);
  }

  void apply(const AvgPool& pool, Block<Real>& block) {
    if (block.is_image()) average_pool(block, pool, workspace_);
  }
  void apply(const GlobalAvgPool&, Block<Real>& block) {
    if (block.is_image()) average_pairs(block);
  }
  void apply(const Flatten&, Block<Real>& block) {
    if (block.is_image()) average_diagonal(block);
  }

  void apply(const LayerNorm& norm, Block<Real>& block) { steps_.apply(norm, block); }
  void apply(const Dropout& dropout, Block<Real>& block) { steps_.apply(dropout, block); }
  void apply(const Activation& activation, Block<Real>& block) { steps_.apply(activation, block); }

  void apply(const Repeat& repeat, Block<Real>& block) {
    for (Index round = 0; round < repeat.times; ++round) run(repeat.layers, block);
  }

  void apply(const Residual& residual, Block<Real>& block) {
    Block<Real> branch = copy(block, workspace_);
    run(residual.layers, branch);
    run(residual.shortcut, block);
    add(branch, Real(residual.scale * residual.scale), std::move(block));
    block = std::move(branch);
  }

  void apply(const Product& product, Block<Real>& block) {
    Block<Real> factors = copy(block, workspace_);
    run(product.branches.front(), factors);
    for (std::size_t i = 1; i < product.branches.size(); ++i) {
      Block<Real> branch = copy(block, workspace_);
      run(product.branches[i], branch);
      multiply(factors, std::move(branch));
    }
    block = std::move(factors);
  }

  Steps& steps_;
  Workspace<Real>& workspace_;
};

}  // namespace widegram::kernels
