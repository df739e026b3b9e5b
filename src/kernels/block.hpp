#pragma once

#include "src/base/matrix_view.hpp"
#include "src/kernels/dual.hpp"
#include "src/kernels/workspace.hpp"

namespace widegram::kernels {

/// Which pairs of members a block holds.
enum class Layout {
  outer,  ///< every row member with every column member: rows x cols
  paired  ///< member i of the one side with member i of the other: rows x 1
};

/// What of a network's kernel is known behind one of its layers, for a block of pairs of members: the
/// covariance K and the tangent kernel T. The members of a side are either samples (height = width = 1; any
/// number of them) or the pixels, row by row, of one sample (height x width of them).
template <class Real>
struct Block {
  using Buffer = typename Workspace<Real>::Buffer;

  Layout layout = Layout::outer;
  Index height = 1;
  Index width = 1;
  Index rows = 0;
  Index cols = 0;
  bool wants_ntk = false;
  bool ntk_started = false;  ///< a weight layer has been met; T is zero, and not stored, before
  Buffer nngp;
  Buffer ntk;

  Index size() const { return rows * cols; }
  bool is_image() const { return height * width > 1; }
  MatrixView<Real> nngp_view() const { return {nngp.data(), rows, cols}; }
  /// Empty where T is not wanted or zero.
  MatrixView<Real> ntk_view() const {
    return ntk_started ? MatrixView<Real>{ntk.data(), rows, cols} : MatrixView<Real>();
  }
};

/// A block of pairs of samples with room for K, to be filled in by the caller.
template <class Real>
Block<Real> sample_block(Layout layout, Index rows, Index cols, bool wants_ntk, Workspace<Real>& workspace);

template <class Real>
Block<Real> copy(const Block<Real>& block, Workspace<Real>& workspace);

/// A weight layer: K <- weight K + bias, then T <- K + weight T.
template <class Real>
void apply_weights(Block<Real>& block, Real weight, Real bias, Workspace<Real>& workspace);

/// Independent parts add: K <- scale K + K_other, the same for T. The block takes over what it needs of the
/// other.
template <class Real>
void add(Block<Real>& block, Real scale, Block<Real>&& other);

/// Independent factors multiply: K <- K K_other, T <- T K_other + K T_other.
template <class Real>
void multiply(Block<Real>& block, Block<Real>&& other);

/// K(i, j) <- K(i, j) rows[i] cols[j], the same for T.
template <class Real>
void scale_members(Block<Real>& block, const Real* rows, const Real* cols);

}  // namespace widegram::kernels
