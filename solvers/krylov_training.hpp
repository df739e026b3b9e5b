#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "solvers/lanczos_process.hpp"
#include "solvers/observer.hpp"
#include "solvers/training_path.hpp"
#include "src/dist/linear_operator.hpp"

namespace widegram::solvers {

struct KrylovTrainingOptions {
  TrainingOptions training{};
  /// Of the residual: what is left of alpha(t)'s equation of motion d alpha / dt = rate / (n k) (y - (K +
  /// ridge I) alpha), in units of that factor and relative to |y|, for each target column. At t = infinity it
  /// is the relative residual of the regression.
  double tolerance = 1e-10;
  Index max_steps = 500;
  std::function<void()> check_stop{};  ///< called by all ranks between products; may throw a CollectiveError
  WorkObserver observer{};             ///< in steps; ends early where fewer will do
};

/// Training of a kernel that is known by its products, by Lanczos' processes from the target columns:
/// alpha(t) = |y| V w(T) e_1 for all times from one basis V, and w(T) by the eigenvectors of the small matrix
/// T.
///
/// The error has a bound that costs nothing: alpha(t) fails its equation of motion by |y| beta |e_m^T w(T)
/// e_1| in the direction of the next vector. Under a flow, and under descent up to half of the largest stable
/// rate, that grows with t, so that all times below the largest one are as good; the error of outputs at
/// training samples is about as large, that of alpha at most 1 / (smallest eigenvalue + ridge), or rate t /
/// (n k), times as large. A random vector takes part for the sake of the largest eigenvalue alone, known to
/// about 1e-12. Sources: Saad, Analysis of some Krylov subspace approximations to the matrix exponential
/// operator (1992); Botchev, Grimm and Hochbruck, Residual, restarting and Richardson iteration for the
/// matrix exponential (2013).
class KrylovTraining : public TrainingPath {
 public:
  /// Collective over a.comm(). a: not needed any more afterwards. targets: n x k, the same on every rank;
  /// held_out: samples that are not fitted, ascending; times: all that will be asked for, or one above and
  /// one below those. A step: one product of A with k + 1 vectors, 8 n (k + 1) steps flops. Memory: n (k + 1)
  /// numbers a step, in parts. Throws CollectiveError(numerical) where the tolerance is not met in max_steps
  /// or finer than double precision allows, or K + ridge I is not positive definite where one of the times is
  /// infinite; CollectiveError(usage) as TrainingLaw does.
  KrylovTraining(const dist::LinearOperator& a, MatrixView<const double> targets,
                 std::span<const GlobalIndex> held_out, std::span<const double> times,
                 const KrylovTrainingOptions& options);
  ~KrylovTraining() override;

  const TrainingLaw& law() const override;
  double largest_eigenvalue() const override { return largest_; }
  /// 2 n k steps flops, and as many for outputs().
  Matrix<double> coefficients(double t) const override;
  Matrix<double> outputs(double t) const override;

  Index steps() const;
  /// The largest residual over times and columns.
  double residual() const { return residual_; }
  /// About the largest relative error of alpha(t) over times and columns: an estimate, as the smallest
  /// eigenvalue that it takes is a Ritz value.
  double coefficient_error() const { return coefficient_error_; }

 private:
  class FittedOperator;
  struct Expansion;
  bool check(std::span<const double> times);
  void measure(std::span<const double> times);
  Expansion expansion(Index column, double t) const;
  [[noreturn]] void give_up() const;
  Matrix<double> gathered(const Matrix<double>& part) const;

  KrylovTrainingOptions options_;
  mpi::Communicator comm_;
  dist::Partition layout_;
  double samples_;
  Index columns_;
  std::unique_ptr<FittedOperator> fitted_;
  std::unique_ptr<LanczosProcesses> processes_;
  std::vector<RitzPairs> ritz_;
  std::optional<TrainingLaw> law_;
  double largest_ = 0;
  double largest_residual_ = 0;  ///< of that Ritz pair
  double smallest_ = 0;          ///< Ritz value of the target columns
  double residual_ = 0;
  double coefficient_error_ = 0;
  double worst_time_ = 0;
};

}  // namespace widegram::solvers
