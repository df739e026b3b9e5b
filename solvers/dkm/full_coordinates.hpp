#pragma once

#include <span>
#include <vector>

#include "solvers/dkm/full_objective.hpp"

namespace widegram::dkm {

/// What an optimiser moves, and where it starts.
struct FullSettings {
  std::vector<double> nu;  ///< L
  double noise = 0;
  bool learn_nu = false;
  bool learn_noise = false;
};

/// Coordinates in which all directions of the divergence at the start weigh the same: V_l = T_l W_l with T_l
/// fixed (the factors of the infinitely wide network) and W_l lower triangular with its diagonal in logs, so
/// that every point stands for positive definite Grams; then log sigma^2 and log nu_l where they are learned.
/// A rank has the entries of W_l that lie with it, layer by layer and column by column; the learned numbers
/// come last, on rank 0.
class FullCoordinates {
 public:
  FullCoordinates(std::vector<dist::DistributedMatrix<double>> whitening, FullSettings settings);

  Index local_size() const { return local_size_; }
  Index learned() const { return std::ssize(learned_start_); }
  Index layers() const { return std::ssize(whitening_); }

  /// W_l = I: the infinitely wide network.
  std::vector<double> start() const;
  /// Least and most that coordinates may be; empty where nothing is learned beside the factors. The noise
  /// stays within a factor of 10,000 of where it starts and nu within one of 100, as L grows without end
  /// where either vanishes.
  std::vector<double> lower_bounds() const { return bounds(-1.0); }
  std::vector<double> upper_bounds() const { return bounds(1.0); }

  /// Collective over the grid. n^3 flops a layer.
  void set_parameters(std::span<const double> x, FullParameters& into);
  /// The gradient in these coordinates; what set_parameters() made of x belongs to `at`, and `gradient` is
  /// used up. Collective over the grid. n^3 flops a layer.
  void set_gradient(std::span<const double> x, const FullParameters& at, FullGradient& gradient,
                    std::span<double> into);

  /// One layer's coordinates as a matrix with zeros above the diagonal, and back. Local.
  void unpack(std::span<const double> x, Index layer, dist::DistributedMatrix<double>& into) const;
  void pack(const dist::DistributedMatrix<double>& from, Index layer, std::span<double> x) const;
  /// The learned numbers' coordinates, on every rank. Collective over the grid.
  std::vector<double> learned_part(std::span<const double> x) const;
  void set_learned_part(std::span<const double> values, std::span<double> x) const;

  dist::DistributedMatrix<double> matrix() const;  ///< n x n on the grid, not set

  const ScalapackClock& scalapack() const { return timed_; }

 private:
  std::vector<double> bounds(double side) const;
  std::span<const double> layer_part(std::span<const double> x, Index layer) const;
  bool holds_learned() const;

  std::vector<dist::DistributedMatrix<double>> whitening_;
  FullSettings settings_;
  std::vector<double> learned_start_;
  std::vector<double> learned_reach_;
  Index layer_size_ = 0;
  Index local_size_ = 0;
  ScalapackClock timed_;
};

}  // namespace widegram::dkm
