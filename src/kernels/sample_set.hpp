#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/base/matrix.hpp"
#include "src/kernels/engine.hpp"

namespace widegram::kernels {

/// What every engine keeps of a set of samples: inputs, what tells one sample from another, diagonal entries.
template <class Real>
class SampleSet : public Prepared {
 public:
  /// Copies the inputs and puts zero samples behind them up to a multiple of `edge`. Throws std::logic_error
  /// for flip_pairs of an odd number of samples.
  SampleSet(MatrixView<const Real> inputs, std::span<const std::int64_t> ids, SampleOrder order, Index edge);

  Index count() const override { return std::ssize(ids_); }
  double diagonal(Function function, Index i, Index network = 0) const override {
    const Diagonals& of = diagonals_.at(static_cast<std::size_t>(network));
    return (function == Function::nngp ? of.nngp : of.ntk)[static_cast<std::size_t>(i)];
  }

  /// Features x padded count.
  const Matrix<Real>& inputs() const { return inputs_; }
  SampleOrder order() const { return order_; }
  std::int64_t id(Index i) const { return ids_[static_cast<std::size_t>(i)]; }
  std::vector<std::int64_t> ids(Range r) const { return {ids_.begin() + r.begin, ids_.begin() + r.end}; }

  /// Whether sample i has the inputs, bit by bit, of the other set's sample j.
  bool equal_inputs(Index i, const SampleSet& other, Index j) const;

 protected:
  /// Of the next network. At least count() values each. flips: whether it is blind to flipping both images;
  /// then an image and its mirror image in flip_pairs get one value, the same to the bit whichever of them
  /// comes first.
  void add_diagonals(std::vector<double> nngp, std::vector<double> ntk, bool flips);

 private:
  struct Diagonals {
    std::vector<double> nngp;
    std::vector<double> ntk;
  };
  Matrix<Real> inputs_;
  std::vector<std::int64_t> ids_;
  SampleOrder order_;
  std::vector<std::uint64_t> checksums_;
  std::vector<Diagonals> diagonals_;  ///< by network
};

/// Memory that a SampleSet of one network takes for each sample.
template <class Real>
double sample_set_bytes(Index features) {
  return static_cast<double>(features) * sizeof(Real) + sizeof(std::int64_t) + sizeof(std::uint64_t) +
         2 * sizeof(double);
}

/// When a pair counts as a sample with itself: copies of one do, unless something is dropped at random in
/// each of them.
struct Sameness {
  bool only_ids = false;

  template <class Real>
  bool operator()(const SampleSet<Real>& a, Index i, const SampleSet<Real>& b, Index j) const {
    return only_ids ? a.id(i) == b.id(j) : a.equal_inputs(i, b, j);
  }
};

/// The extent of what is asked for; 0 x 0 where nothing is.
struct Extent {
  Index rows = 0;
  Index cols = 0;
};
template <class Real>
Extent extent_of(const TileOutput<Real>& out) {
  const MatrixView<Real>& view = out.nngp.empty() ? out.ntk : out.nngp;
  return view.empty() ? Extent{} : Extent{view.rows, view.cols};
}
template <class Real>
Extent extent_of(std::span<const TileOutput<Real>> out) {
  for (const TileOutput<Real>& one : out)
    if (const Extent extent = extent_of(one); extent.rows > 0) return extent;
  return {};
}

/// Writes an entry of what is asked for.
template <class Real>
void set_entry(const TileOutput<Real>& out, Index i, Index j, double nngp, double ntk) {
  if (!out.nngp.empty()) out.nngp(i, j) = static_cast<Real>(nngp);
  if (!out.ntk.empty()) out.ntk(i, j) = static_cast<Real>(ntk);
}

}  // namespace widegram::kernels
