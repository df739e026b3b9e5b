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
  /// Copies the inputs and puts zero samples behind them up to a multiple of `edge`.
  SampleSet(MatrixView<const Real> inputs, std::span<const std::int64_t> ids, Index edge);

  Index count() const override { return std::ssize(ids_); }
  double diagonal(Function function, Index i) const override {
    return (function == Function::nngp ? nngp_ : ntk_)[static_cast<std::size_t>(i)];
  }

  /// Features x padded count.
  const Matrix<Real>& inputs() const { return inputs_; }
  std::int64_t id(Index i) const { return ids_[static_cast<std::size_t>(i)]; }
  std::vector<std::int64_t> ids(Range r) const { return {ids_.begin() + r.begin, ids_.begin() + r.end}; }

  /// Whether sample i has the inputs, bit by bit, of the other set's sample j.
  bool equal_inputs(Index i, const SampleSet& other, Index j) const;

 protected:
  void set_diagonals(std::vector<double> nngp, std::vector<double> ntk) {
    nngp_ = std::move(nngp);
    ntk_ = std::move(ntk);
  }

 private:
  Matrix<Real> inputs_;
  std::vector<std::int64_t> ids_;
  std::vector<std::uint64_t> checksums_;
  std::vector<double> nngp_;
  std::vector<double> ntk_;
};

/// Memory that a SampleSet takes for each sample.
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

/// The extents of what is asked for.
template <class Real>
Range rows_of(const TileOutput<Real>& out) {
  return {0, out.nngp.empty() ? out.ntk.rows : out.nngp.rows};
}
template <class Real>
Range cols_of(const TileOutput<Real>& out) {
  return {0, out.nngp.empty() ? out.ntk.cols : out.nngp.cols};
}

/// Writes an entry of what is asked for.
template <class Real>
void set_entry(const TileOutput<Real>& out, Index i, Index j, double nngp, double ntk) {
  if (!out.nngp.empty()) out.nngp(i, j) = static_cast<Real>(nngp);
  if (!out.ntk.empty()) out.ntk(i, j) = static_cast<Real>(ntk);
}

}  // namespace widegram::kernels
