#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "src/base/error.hpp"
#include "src/dkm/plan.hpp"

namespace widegram::dkm {

/// Adds numbers up over the ranks that share a batch; where any of them brings an error, throws on all. What
/// a rank on its own does: throw its error.
using Reduce = std::function<void(std::span<double> sums, const std::optional<Error>& error)>;
void reduce_alone(std::span<double> sums, const std::optional<Error>& error);

/// Which values are kept for the adjoint.
enum class Keep {
  expensive,  ///< what layers of matrix products leave: no product is done twice
  least       ///< only what a norm over the batch or a later chunk asks for: half of the memory, a third more
              ///< flops
};

/// Runs a plan's data passes: all steps between two norms over the batch on a few samples at a time, so that
/// what passes between them stays in the cache. What only those steps see is worked out again for the
/// adjoint.
template <class Real>
class Executor {
 public:
  Executor(std::vector<Step<Real>>& steps, const std::vector<ValueShape>& values, Keep keep);

  /// Samples of the whole batch, of all ranks.
  void forward(MatrixView<const double> samples, Index batch_samples, const Reduce& reduce);
  /// The last value: rows x samples, and its derivative, to be set before adjoint().
  Block<Real> output() { return value_block(last()); }
  Block<Real> output_derivative() { return derivative_block(last()); }
  /// Adds to the steps' sums.
  void adjoint(const Reduce& reduce);

  Index sum_count() const { return sum_begin_.back(); }
  std::span<Real> sums() { return sums_; }
  Range sums_of(std::size_t step) const { return {sum_begin_[step], sum_begin_[step + 1]}; }
  /// Bytes for the values and derivatives of so many samples.
  Index bytes(Index samples) const;

 private:
  struct Phase {
    Range steps;
    Index block = 1;  // samples at a time
  };
  struct Stored {
    AlignedVector<Real> ti, t;
  };

  void find_phases();
  void find_kept(Keep keep);
  Index last() const { return std::ssize(values_) - 1; }
  Block<Real> block_of(Stored& stored, const ValueShape& shape, Index first, Index samples, bool whole);
  Block<Real> value(std::optional<Index> v, Index first, Index samples);
  Block<Real> derivative(std::optional<Index> v, Index first, Index samples);
  Block<Real> value_block(Index v) { return value(v, 0, samples_.cols); }
  Block<Real> derivative_block(Index v) { return derivative(v, 0, samples_.cols); }
  void size_for(Index samples);
  void run_forward(const Phase& phase, Index first, Index samples);
  void run_adjoint(const Phase& phase, Index first, Index samples);
  void put_derivative(Index v, Block<const Real> part, Index first, Index samples);
  void prepare_statistics(const Phase& phase, const Reduce& reduce, const std::optional<Error>& error);
  void finish_statistics(const Phase& phase, const Reduce& reduce, const std::optional<Error>& error);
  template <class Use>
  std::optional<Error> for_blocks(const Phase& phase, const Use& use);

  std::vector<Step<Real>>& steps_;
  std::vector<ValueShape> values_;
  std::vector<Phase> phases_;
  std::vector<bool> kept_, crossing_, started_;  // of values; whether a derivative has a first part
  std::vector<Stored> stored_, derivatives_;
  Stored part_, second_part_;
  std::vector<Index> sum_begin_;
  AlignedVector<Real> sums_;
  MatrixView<const double> samples_;
  Index batch_samples_ = 0;
};

}  // namespace widegram::dkm
