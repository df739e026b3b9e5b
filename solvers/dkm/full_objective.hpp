#pragma once

#include <optional>
#include <string>
#include <vector>

#include "solvers/dkm/scalapack_clock.hpp"
#include "src/dist/matrix.hpp"
#include "src/dkm/kernel_map.hpp"

namespace widegram::dkm {

/// What a full-rank deep kernel machine of L layers is made of.
struct FullParameters {
  /// V_1 ... V_L with G_l = V_l V_l^T: n x n, lower triangular with zeros above, a positive diagonal.
  std::vector<dist::DistributedMatrix<double>> factors;
  std::vector<double> nu;  ///< L weights, above zero
  double noise = 0;        ///< sigma^2
};

/// dL/dV_l (what lies above the diagonal means nothing), dL/dnu_l, dL/dsigma^2.
using FullGradient = FullParameters;

/// Where positive definiteness was lost.
struct Breakdown {
  enum class Of { gram, kernel, likelihood };
  Of of = Of::kernel;
  Index layer = 0;  ///< of G_l, or of K_l = K(G_l), of which K_0 is that of the input Gram
  Index minor = 0;  ///< order of the first leading minor that is not positive; 0: a number overflows

  /// For users, with what to change.
  std::string message(double jitter) const;
};

struct FullValue {
  double objective = 0;
  double log_likelihood = 0;
  std::vector<double> divergences;     ///< KL_1 ... KL_L
  std::optional<Breakdown> breakdown;  ///< the rest then means nothing
};

/// L = log N(Y; 0, K_L + sigma^2 I) - sum_l nu_l KL(N(0, G_l), N(0, K_{l-1})), K_l = K(G_l), and its
/// gradient. All matrices lie on one grid in blocks of one size. The diagonal of every K_l is multiplied by 1
/// + jitter: no more is ever added, and nothing unasked. Source: Yang et al. 2023, A theory of representation
/// learning gives a deep generalisation of kernel methods; gradients by reverse accumulation.
///
/// Memory: (3 L + 1) n^2 numbers over all ranks beside parameters and gradients. Work of an evaluation with
/// its gradient, in ScaLAPACK: L (potrf + potri + 2 trsm + trmm + 2 syrk), 6 n^3 flops a layer; and 2 n^2
/// values of the kernel map a layer. Sums run in the order of the grid: other rank counts agree to rounding.
class FullObjective {
 public:
  /// Collective over the grid. input_gram: G_0 = X X^T / features, its lower triangle; targets: n x outputs.
  /// `map` must outlive the objective. Throws CollectiveError(numerical) with Breakdown::message() where K_0
  /// has no Cholesky factor.
  FullObjective(const KernelMap<double>& map, dist::DistributedMatrix<double> input_gram,
                dist::DistributedMatrix<double> targets, Index layers, double jitter);

  Index layers() const { return layers_; }
  GlobalIndex size() const { return input_gram_.rows(); }
  double jitter() const { return jitter_; }
  const dist::ProcessGrid& grid() const { return input_gram_.grid(); }
  dist::DistributedMatrix<double> matrix() const;  ///< n x n on the grid, not set

  /// Factors of the infinitely wide network, V_l = chol(K_{l-1}): where all divergences are zero. Collective;
  /// throws as the constructor does.
  std::vector<dist::DistributedMatrix<double>> nngp_factors();

  /// Collective. Breakdowns are returned, the same on every rank, and nothing is thrown.
  FullValue value(const FullParameters& at);
  /// The same with the gradient, where there is no breakdown. `into` has L matrices, which are overwritten.
  FullValue value_and_gradient(const FullParameters& at, FullGradient& into);

  /// G_l's lower triangle as of the last evaluation without a breakdown; layer 0 is the input Gram.
  const dist::DistributedMatrix<double>& gram(Index layer) const {
    return layer == 0 ? input_gram_ : grams_[static_cast<std::size_t>(layer - 1)];
  }
  const dist::DistributedMatrix<double>& targets() const { return targets_; }

  const ScalapackClock& scalapack() const { return timed_; }

 private:
  using Matrices = std::vector<dist::DistributedMatrix<double>>;

  /// The factor of a K in its place; where there is none, says of which.
  std::optional<Breakdown> factorize(dist::DistributedMatrix<double>& k, Breakdown where);
  std::optional<Breakdown> check_factor(const dist::DistributedMatrix<double>& v, Index layer) const;
  /// KL_l, with C^-1 V_l left in whitened_[l].
  double divergence(const dist::DistributedMatrix<double>& v, std::size_t layer);
  void likelihood(double noise, FullValue& value);
  void likelihood_adjoint(FullGradient& into);
  void factor_gradient(const FullParameters& at, std::size_t layer, dist::DistributedMatrix<double>& into);

  const KernelMap<double>& map_;
  dist::DistributedMatrix<double> input_gram_;
  dist::DistributedMatrix<double> targets_;
  Index layers_;
  double jitter_;
  dist::DistributedMatrix<double> alpha_;       ///< (K_L + sigma^2 I)^-1 Y
  Matrices chols_;                              ///< L + 1: of K_0 ... K_{L-1} and K_L + sigma^2 I
  Matrices grams_;                              ///< L, lower triangles
  Matrices whitened_;                           ///< L: C_{l-1}^-1 V_l
  std::vector<std::vector<double>> diagonals_;  ///< L + 1, of the Grams
  ScalapackClock timed_;
};

}  // namespace widegram::dkm
