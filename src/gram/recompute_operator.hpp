#pragma once

#include <vector>

#include "src/dist/linear_operator.hpp"
#include "src/gram/operands.hpp"
#include "src/gram/schedule.hpp"
#include "src/mpi/communicator.hpp"
#include "src/mpi/stop_request.hpp"

namespace widegram::gram {

/// A training Gram that is kept nowhere: each product computes its tiles anew, dealt out over the ranks like
/// those of an assembly, and uses each twice, where it stands and mirrored. Cost of a product: one assembly,
/// and 4 n^2 k / 2 flops for k vectors. Memory a rank: the operands, its share of the samples once more, and
/// 2 n k numbers for k vectors.
///
/// A product takes as long as an assembly, so that it asks between tiles whether to stop, and throws
/// CollectiveError(stopped).
///
/// Entries are rounded to Real, as those of a stored Gram. Columns are computed by themselves, n x chosen
/// entries: an entry's place in its tile is another one there, and its last bits may be too.
template <class Real>
class RecomputeOperator : public dist::LinearOperator {
 public:
  /// Collective. samples: the training set, whose inputs must outlive the operator, as all other arguments
  /// must.
  RecomputeOperator(const mpi::Communicator& comm, const kernels::Engine<Real>& engine,
                    const GramChoice& gram, const SpreadSamples& samples, const Layout& layout,
                    const Operands& operands, const mpi::StopRequest& stop);

  const mpi::Communicator& comm() const override { return comm_; }
  const dist::Partition& layout() const override { return parts_; }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override;
  std::vector<double> diagonal() const override;
  Matrix<double> columns(std::span<const GlobalIndex> chosen) const override;
  Index cheap_vectors() const override { return dist::cheap_vectors_unstored; }

 private:
  const mpi::Communicator& comm_;
  const kernels::Engine<Real>& engine_;
  GramChoice gram_;
  SpreadSamples samples_;
  Layout layout_;
  TileComputer<Real> computer_;
  const mpi::StopRequest& stop_;
  std::vector<TileTask> tasks_;
  dist::Partition
      parts_;  ///< cut at tiles, so that an entry's place in its tile does not depend on the ranks
  std::shared_ptr<const kernels::Prepared> rows_;  ///< the samples of this rank's part
};

extern template class RecomputeOperator<float>;
extern template class RecomputeOperator<double>;

}  // namespace widegram::gram
