#pragma once

#include <algorithm>
#include <vector>

#include "src/base/aligned_vector.hpp"
#include "src/kernels/plane_passes.hpp"
#include "src/kernels/plane_program.hpp"

namespace widegram::kernels {

/// The planes of a stage as the one before leaves them: K and T of each offset of a set.
template <class Real>
class PlaneSet {
 public:
  PlaneSet(const PlaneLayout& layout, const OffsetSet& offsets)
      : layout_(layout),
        offsets_(offsets),
        values_(2 * offsets.size() * static_cast<std::size_t>(layout.size()) +
                static_cast<std::size_t>(layout.lanes)) {}  // see PlanePasses::add_piece

  const PlaneLayout& layout() const { return layout_; }
  const OffsetSet& offsets() const { return offsets_; }
  /// Of the row'th dy and the col'th dx.
  PlaneRows<Real> plane(std::size_t row, std::size_t col) {
    Real* const nngp =
        values_.data() + 2 * (row * offsets_.dx.size() + col) * static_cast<std::size_t>(layout_.size());
    return {nngp, nngp + layout_.size()};
  }
  void clear() { std::fill(values_.begin(), values_.end(), Real(0)); }

 private:
  PlaneLayout layout_;
  OffsetSet offsets_;
  AlignedVector<Real> values_;
};

/// Adds the planes of one stage up to those of the next: the windows along the height first, for all planes
/// of one dx, then those along the width. Planes of one dx come one after another. What belongs to offsets
/// that nobody needs is dropped.
template <class Real>
class PlaneTransition {
 public:
  PlaneTransition(const PlaneStage& stage, const PlaneLayout& from, const OffsetSet& planes,
                  PlaneSet<Real>& to);

  void begin_column();
  /// The plane of the row'th dy. T: null for zero.
  void add(std::size_t row, const PlaneRows<Real>& values);
  /// col: which dx the column was.
  void end_column(std::size_t col);

 private:
  /// Where the rows of a plane go: strips, a row's number among them or -1. Several where windows overlap.
  using RowTargets = std::vector<Index>;
  /// A piece of a strip's row, for each strip's row of one offset, to a plane of the next stage.
  struct Move {
    std::size_t col;  ///< among its dx
    Index from, to, width;
  };
  std::vector<RowTargets> row_targets(Index dy) const;
  std::vector<Move> moves(Index dx) const;

  PlanePasses<Real> passes_ = plane_passes<Real>();
  const PlaneStage& stage_;
  PlaneLayout from_;
  PlaneSet<Real>& to_;
  std::vector<std::vector<RowTargets>> row_targets_;  ///< by row
  std::vector<std::vector<Move>> moves_;              ///< by column
  AlignedVector<Real> nngp_, ntk_;  ///< strips: of each dy of the next stage, of each of its rows
  std::vector<Real*> targets_;
};

}  // namespace widegram::kernels
