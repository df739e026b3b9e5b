#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/dkm/kernel_map.hpp"
#include "src/dkm/network.hpp"

namespace widegram::jobs {

/// Deep kernel machines that a job can name; what trains each: jobs/commands/dkm.cpp.
enum class DkmKind { full, sparse, convolutional };
/// bqnls: quasi-Newton on all samples at once, by TAO; adam: on batches.
enum class DkmOptimizer { bqnls, adam };
/// Of the passes over the samples; the inducing points' matrices are always in double.
enum class DkmPrecision { float64, float32 };

std::string to_string(DkmKind kind);
/// gaussian, categorical.
std::string to_string(dkm::Likelihood likelihood);

struct DkmSection {
  bool given = false;  ///< the job has a [dkm] table
  DkmKind kind = DkmKind::full;
  dkm::MapSpec map{};
  std::string kernel_toml = "\"arccos\"";  ///< the map as TOML, its defaults written out
  Index depth = 2;
  std::vector<double> nu{1.0};  ///< one for all layers, or one a layer
  double noise = 0.1;
  bool learn_noise = false;
  bool learn_nu = false;
  std::optional<double> jitter;

  Index inducing = 128;       ///< sparse
  std::string preset;         ///< convolutional; empty where the job lists its layers
  Index scale = 1;            ///< of the preset
  dkm::NormLayer norm{};      ///< of the preset
  std::string norm_toml;      ///< empty: as it is by default
  dkm::Network network;       ///< what the preset or the layers stand for
  std::string layers_toml;    ///< as TOML, their defaults written out
  std::optional<double> zca;  ///< share of the mean eigenvalue; nothing: no whitening
  dkm::Likelihood likelihood = dkm::Likelihood::gaussian;
  Index samples = 1000;  ///< of a categorical likelihood
  bool taylor = false;
  double stochastic = 0;
  bool clamp = false;
  DkmPrecision precision = DkmPrecision::float64;
  std::uint64_t seed = 0;

  std::optional<DkmOptimizer> optimizer;
  double tolerance = 1e-8;  ///< bqnls
  Index max_iterations = 500;
  Index epochs = 100;  ///< adam
  Index batch = 256;
  double rate = 0.01;
  std::vector<Index> schedule;  ///< epochs after which the rate falls tenfold, ascending
  double validation = 0;
  Index crop = 0;  ///< augmentation: pixels each way
  bool flip = false;

  /// One a layer.
  std::vector<double> layer_nu() const {
    return nu.size() == 1 ? std::vector<double>(static_cast<std::size_t>(depth), nu.front()) : nu;
  }
  bool is_full() const { return kind == DkmKind::full; }
  bool is_convolutional() const { return kind == DkmKind::convolutional; }
  bool is_categorical() const { return likelihood == dkm::Likelihood::categorical; }
  DkmOptimizer used_optimizer() const {
    return optimizer.value_or(is_full() ? DkmOptimizer::bqnls : DkmOptimizer::adam);
  }
  bool is_adam() const { return used_optimizer() == DkmOptimizer::adam; }
  double used_jitter() const { return jitter.value_or(is_full() ? 1e-8 : 1e-4); }
};

}  // namespace widegram::jobs
