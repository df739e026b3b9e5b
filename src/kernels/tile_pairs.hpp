#pragma once

#include <vector>

#include "src/kernels/sample_set.hpp"

namespace widegram::kernels {

/// Which entries of a tile have one value, because the kernel is symmetric (rows and columns are the same
/// samples) or because flipping both images changes nothing (rows and columns are flip pairs). Of those that
/// share one, the pair in the first column, and there in the first row, stands for all.
struct TileSymmetry {
  bool symmetric = false;  ///< K(i, j) = K(j, i)
  bool flips = false;      ///< K(i, j) = K(i ^ 1, j ^ 1)

  bool stands_for_others(Index i, Index j) const {
    if (flips) return j % 2 == 0 && (!symmetric || i >= j);
    return !symmetric || i >= j;
  }

  /// Calls place(i, j) for every entry that has the pair's value, some of them perhaps twice.
  template <class Place>
  void for_each_place(Index i, Index j, Place&& place) const {
    place(i, j);
    if (symmetric) place(j, i);
    if (!flips) return;
    place(i ^ 1, j ^ 1);
    if (symmetric) place(j ^ 1, i ^ 1);
  }
};

/// A row and a column of a tile, counted from the tile's corner.
struct TilePair {
  Index row = 0;
  Index col = 0;
};

/// What a tile takes when pairs are computed one by one: as few of them as its symmetries leave; a pair of
/// equal samples has the diagonal's value. Cost of making it: a comparison of checksums a pair.
class TilePairs {
 public:
  /// Rows [row, row + extent.rows) of one set, columns [col, col + extent.cols) of the other.
  /// flips: whether K(fx, fz) = K(x, z) for the networks in question; used where both sets are in flip_pairs.
  template <class Real>
  TilePairs(const SampleSet<Real>& rows, Index row, const SampleSet<Real>& cols, Index col, Extent extent,
            Sameness same, bool flips);

  /// The pairs that have to be computed, column by column, rows ascending.
  const std::vector<TilePair>& to_compute() const { return to_compute_; }

  /// Writes a computed pair's values wherever they belong.
  template <class Real>
  void set(const TileOutput<Real>& out, const TilePair& pair, double nngp, double ntk) const {
    symmetry_.for_each_place(pair.row, pair.col, [&](Index i, Index j) { set_entry(out, i, j, nngp, ntk); });
  }

  /// Writes the diagonal's values of a network wherever a sample meets itself; rows and row as above.
  template <class Real>
  void set_equal(const TileOutput<Real>& out, const SampleSet<Real>& rows, Index row, Index network) const {
    for (const TilePair& pair : equal_)
      set(out, pair, rows.diagonal(Function::nngp, row + pair.row, network),
          rows.diagonal(Function::ntk, row + pair.row, network));
  }

 private:
  TileSymmetry symmetry_;
  std::vector<TilePair> to_compute_;
  std::vector<TilePair> equal_;
};

extern template TilePairs::TilePairs(const SampleSet<float>&, Index, const SampleSet<float>&, Index, Extent,
                                     Sameness, bool);
extern template TilePairs::TilePairs(const SampleSet<double>&, Index, const SampleSet<double>&, Index, Extent,
                                     Sameness, bool);

}  // namespace widegram::kernels
