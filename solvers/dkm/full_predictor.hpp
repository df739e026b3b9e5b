#pragma once

#include <span>
#include <vector>

#include "solvers/dkm/full_objective.hpp"
#include "src/base/matrix.hpp"
#include "src/dist/redistribute.hpp"

namespace widegram::dkm {

/// What prediction needs of a trained machine, all on one grid in blocks of one size.
struct FullMachine {
  std::vector<dist::DistributedMatrix<double>> grams;  ///< G_0 ... G_L, lower triangles
  dist::DistributedMatrix<double> targets;             ///< n x outputs
  double noise = 0;
  double jitter = 0;  ///< as in training
};

/// Of some test samples, the same on every rank.
struct FullPrediction {
  Matrix<double> mean;           ///< samples x outputs
  std::vector<double> variance;  ///< of the latent function; the noise comes on top
};

/// A machine's answers to new samples: their Grams with the training samples go through the layers as those
/// of the sparse model do, with the training samples as inducing points. With F = K_ti K_ii^-1: G_ti = F G,
/// g_t = k_t - diag(F K_it) + diag(F G F^T); at the top a Gaussian process regression with K_L. Where G_l =
/// K_{l-1} in every layer (nu without end) that is Gaussian process regression with the infinitely wide
/// network.
class FullPredictor {
 public:
  /// Collective over the grid; takes the machine over. `map` must outlive the predictor. Holds (2 L + 2) n^2
  /// numbers over all ranks. (L + 1) n^3 / 3 flops. Throws CollectiveError(numerical) with
  /// Breakdown::message() where a kernel has no Cholesky factor.
  FullPredictor(const KernelMap<double>& map, FullMachine machine);

  /// Collective. cross: <x_i, x_t> / features of the training samples i with the test samples t, n x samples
  /// on the grid, used up; own: <x_t, x_t> / features, on every rank. 4 L n^2 flops a sample and n (L + 1)
  /// values of the map. Throws CollectiveError(numerical) naming the first sample (counted from `first`)
  /// whose variance in a layer is not above zero.
  FullPrediction predict(dist::DistributedMatrix<double> cross, std::vector<double> own,
                         GlobalIndex first) const;

  /// (K_L + noise)^-1 Y, n x outputs, on every rank: the training samples' own predictions are Y - noise
  /// times that. Collective.
  Matrix<double> coefficients() const { return dist::gather(machine_.targets); }

 private:
  void apply(const std::vector<double>& left, std::span<const double> right,
             dist::DistributedMatrix<double>& cross) const;

  const KernelMap<double>& map_;
  FullMachine machine_;
  std::vector<dist::DistributedMatrix<double>> chols_;  ///< of K_0 ... K_{L-1} and K_L + noise
  std::vector<std::vector<double>> diagonals_;          ///< of the Grams
};

}  // namespace widegram::dkm
