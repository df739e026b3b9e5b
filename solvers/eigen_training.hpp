#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "solvers/dynamics.hpp"
#include "solvers/hold_out.hpp"
#include "solvers/training_path.hpp"

namespace widegram::solvers {

/// Training from the eigendecomposition of the Gram of the samples that are fitted: any time.
class EigenTraining : public TrainingPath {
 public:
  /// Collective over the grid. gram: n x n with both triangles filled, taken over; targets: n x k on its grid
  /// in blocks of the same size. split: of the n samples; nothing: all are fitted. Cost, memory and errors as
  /// of eigendecompose() for the fitted samples; beside that, the Gram of fitted and held out samples.
  /// CollectiveError(usage) for gradient descent at a rate that diverges.
  EigenTraining(dist::DistributedMatrix<double> gram, const dist::DistributedMatrix<double>& targets,
                const std::optional<HoldOutSplit>& split, const TrainingOptions& options);

  const TrainingLaw& law() const override { return dynamics_->law(); }
  double largest_eigenvalue() const override { return eigen_->values.back(); }
  /// 2 n^2 k flops.
  Matrix<double> coefficients(double t) const override;
  /// 4 n^2 k flops.
  Matrix<double> outputs(double t) const override;
  /// W b with W = (K + ridge I)^-1 share(t) of the samples that are fitted and zero at the others: alpha(t)
  /// is W y. b: n x k on the Gram's grid in blocks of its size. Every rank gets the whole. 4 n^2 k flops.
  Matrix<double> weighted(double t, const dist::DistributedMatrix<double>& b) const;
  const dist::ProcessGrid& grid() const { return eigen_->vectors.grid(); }
  Index block() const { return eigen_->vectors.block(); }

 private:
  GlobalIndex n_;
  std::vector<GlobalIndex> fitted_;
  std::vector<GlobalIndex> held_out_;
  std::optional<dist::DistributedMatrix<double>> cross_;  ///< fitted x held out
  std::unique_ptr<Eigendecomposition> eigen_;             ///< stays where `dynamics_` knows it
  std::optional<TrainingDynamics> dynamics_;
};

}  // namespace widegram::solvers
