#pragma once

#include <span>
#include <vector>

#include "src/dkm/network.hpp"
#include "src/dkm/op.hpp"
#include "src/dkm/softmax_draws.hpp"

namespace widegram::dkm {

/// What a batch is compared with: a column a sample, or its class.
struct Targets {
  MatrixView<const double> values{};       ///< outputs x samples, for a Gaussian likelihood
  std::span<const std::int64_t> labels{};  ///< for a categorical one
};

/// What the output says of samples: latent means (outputs x samples) and variances, which all outputs share.
struct Latents {
  Gram mean;
  std::vector<double> variance;
};

/// Output layer: q(u_c) = N(mu_c, A), A = L L^T / P for every output c, and the likelihood above it. In
/// double, on one rank's samples of the batch.
class Head {
 public:
  Head(const ModelSpec& spec, Index points, Slice mean, Slice factor, Slice noise);

  void initialise(std::span<double> parameters, const Gram& in) const;
  void chain(std::span<const double> parameters, const Gram& in, Chain& chain);
  /// d_in is added to.
  void chain_adjoint(std::span<const double> sums, const Chain& chain, Gram& d_in,
                     std::span<double> d_parameters) const;
  Index sum_count() const;
  /// Of chain() and chain_adjoint(): two factorisations with their inverses, and ten products.
  double chain_flops() const {
    const auto p = static_cast<double>(points_);
    return (2 * factor_flops + 20) * p * p * p;
  }

  /// ti: points x samples.
  Latents latents(const Gram& ti, std::span<const double> t) const;

  struct Score {
    double log_likelihood = 0;  ///< sum over the samples of E_q[log p(y | f)]
    double correct =
        0;  ///< samples whose largest mean is that of their class; Gaussian: sum of squared errors
  };
  /// ids: of the samples, for their draws. Adds weight times the derivatives to `sums`, sets d_ti and d_t.
  Score score(const Gram& ti, std::span<const double> t, const Targets& targets,
              std::span<const std::int64_t> ids, std::uint64_t step, double weight, Gram& d_ti,
              std::span<double> d_t, std::span<double> sums) const;

  /// Logs of the classes' probabilities, outputs x samples: of the mean of softmax over the draws.
  Gram log_probabilities(const Latents& latents, std::span<const std::int64_t> ids) const;

  double noise() const { return noise_; }

 private:
  struct Derivatives {
    Gram mean;
    std::vector<double> variance;
    double log_noise = 0;
  };
  Score gaussian(const Latents& latents, const Targets& targets, Derivatives& by) const;
  Score categorical(const Latents& latents, const Targets& targets, std::span<const std::int64_t> ids,
                    std::uint64_t step, Derivatives& by) const;
  NormalRows draws(std::uint64_t step) const;
  /// Where a sample reads each output's row of them.
  std::vector<Index> shifts(std::uint64_t step, std::int64_t id) const;

  ModelSpec spec_;
  Index points_;
  Slice mean_, factor_, noise_slice_;
  double noise_ = 1;
  Gram mu_, root_, covariance_, quadratic_, weights_,
      squares_;  // L / sqrt(P); A; K^-1 A K^-1 - K^-1; K^-1 mu
  Factored factored_, covariance_factored_;
};

}  // namespace widegram::dkm
