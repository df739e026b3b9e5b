#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/base/aligned_vector.hpp"
#include "src/dkm/panels.hpp"
#include "src/dkm/small_algebra.hpp"

namespace widegram::dkm {

/// What a value between layers is: inducing points, and positions of a sample.
struct ValueShape {
  Index points = 0;
  Index height = 1;
  Index width = 1;
  Index positions() const { return height * width; }
  Index rows() const { return padded_rows(points); }
};

/// ti and t of some samples: ti(:, n), n = sample * positions + position, has rows() numbers, those beyond
/// the points without meaning but finite.
template <class Real>
struct Block {
  Real* ti = nullptr;
  Real* t = nullptr;
  Index samples = 0;

  operator Block<const Real>() const requires(!std::is_const_v<Real>) { return {ti, t, samples}; }
};

/// A range of the parameters.
struct Slice {
  std::string name;
  Index begin = 0;
  Index rows = 0;
  Index cols = 1;
  Index count() const { return rows * cols; }
  template <class T>
  MatrixView<T> of(std::span<T> all) const {
    return {all.data() + begin, rows, cols};
  }
};

/// What a step's inducing chain adds up on its way.
struct Chain {
  bool training = true;
  std::uint64_t step = 0;
  double regularisation = 0;  ///< sum of the KL terms, weighted with nu; added to the objective over N
  double factor = 1;          ///< of the terms' derivatives: 1 / N
};

/// One layer at work. Once a step, on the inducing points, in double: chain(), from which the data's passes
/// take their small matrices; on blocks of samples: forward(), then adjoint(), which adds to `sums` all that
/// chain_adjoint() needs of the data. Sums of several ranks are added up in between.
template <class Real>
class Op {
 public:
  virtual ~Op() = default;
  std::string name;  ///< for messages
  ValueShape in, out;

  /// Where training starts, given ii of the input.
  virtual void initialise(std::span<double> /*parameters*/, const Gram& /*in*/,
                          std::uint64_t /*seed*/) const {}
  /// in, second: ii of the inputs; returns ii of the output. Adds to chain.regularisation.
  virtual Gram chain(std::span<const double> parameters, const Gram& in, const Gram& second,
                     Chain& chain) = 0;
  /// d_in, d_second and the parameters' derivatives are added to; d_out is symmetric.
  virtual void chain_adjoint(std::span<const double> parameters, std::span<const double> sums,
                             const Gram& d_out, Gram& d_in, Gram& d_second, const Chain& chain,
                             std::span<double> d_parameters) = 0;

  virtual Index sum_count() const { return 0; }
  virtual void forward(Block<const Real> in, Block<const Real> second, Block<Real> out) = 0;
  /// Sets d_in and d_second. forward() of the same block went before, with nothing of this op between.
  virtual void adjoint(Block<const Real> in, Block<const Real> second, Block<const Real> out,
                       Block<const Real> d_out, Block<Real> d_in, Block<Real> d_second,
                       std::span<Real> sums) = 0;
  /// Whether adjoint() reads what forward() left in scratch.
  virtual bool rerun() const { return true; }
  /// Whether its output is worth memory rather than a second forward().
  virtual bool expensive() const { return false; }

  /// Of forward() and adjoint() on one sample, products of matrices alone.
  virtual double flops() const { return 0; }
  /// Of chain() and chain_adjoint(), to the third power of the points alone.
  virtual double chain_flops() const { return 0; }

  /// Means over the whole batch that forward() needs of its input: sums of this rank's blocks, then of all
  /// ranks', then set.
  virtual Index statistic_count() const { return 0; }
  virtual void add_statistics(Block<const Real> /*in*/, std::span<double> /*sums*/) const {}
  virtual void set_statistics(std::span<const double> /*sums*/, Index /*samples of the batch*/) {}
  /// This rank's derivatives by the logs of the statistics, summed over the blocks that adjoint() saw.
  virtual void take_statistic_sums(std::span<double> /*sums*/) {}
  /// What they, of all ranks, bring to t of the input; samples: of the whole batch.
  virtual void add_statistic_adjoint(std::span<const double> /*sums*/, Index /*samples*/,
                                     Block<Real> /*d_in*/) const {}
};

template <class Real>
using OpPointer = std::unique_ptr<Op<Real>>;

/// Scratch that keeps its size.
template <class Real>
Real* at_least(AlignedVector<Real>& scratch, Index count) {
  if (std::ssize(scratch) < count) scratch.resize(static_cast<std::size_t>(count));
  return scratch.data();
}

}  // namespace widegram::dkm
