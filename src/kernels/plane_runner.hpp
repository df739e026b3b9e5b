#pragma once

#include <functional>
#include <vector>

#include "src/base/aligned_vector.hpp"
#include "src/kernels/plane_passes.hpp"
#include "src/kernels/plane_program.hpp"
#include "src/kernels/plane_sides.hpp"
#include "src/kernels/workspace.hpp"

namespace widegram::kernels {

/// What of T there is.
enum class Tangent {
  unwanted,
  zero,     ///< no weight layer yet
  equal,    ///< the same as K
  separate  ///< kept beside K
};

/// One offset plane on its way through a stage: where its rows lie, and what is still to be done to them.
/// Passes that may write one row above where they read move it up in its memory, row by row, so that it stays
/// in the first-level cache.
template <class Real>
class Plane {
 public:
  Plane(const PlaneLayout& layout, Tangent tangent, Workspace<Real>& workspace);

  PlaneRows<Real> rows() const { return at(spot_); }
  /// To read: T is K where they are equal, null where there is none.
  PlaneRows<Real> readable() const;
  /// The rows that a pass over the present ones writes to, T only where it `has_ntk`: in place, as near above
  /// as memory is left, or elsewhere. Call moved() afterwards.
  PlaneRows<Real> above(bool has_ntk);
  PlaneRows<Real> elsewhere(bool has_ntk);
  void moved() { spot_ = next_; }

  Rows form = Rows::whole;
  Real bias = 0;  ///< to be added to rows that are sums of a row
  Tangent tangent;

 private:
  struct Spot {
    Index area;
    Index row;
  };
  PlaneRows<Real> at(const Spot& spot) const;
  static constexpr Index slack = 16;

  Index stride_;
  Index kernel_size_;
  typename Workspace<Real>::Buffer memory_;
  Spot spot_{0, slack};
  Spot next_{0, slack};
};

/// A plane and its offset.
template <class Real>
struct OffsetPlane {
  Offset offset;
  Plane<Real> plane;
};

/// Sums of K and T over planes, in double.
struct PlaneSums {
  double nngp = 0;
  double ntk = 0;
};

/// Takes planes through the operations of one stage. One thread at a time.
template <class Real>
class PlaneRunner {
 public:
  PlaneRunner(const PlaneProgram& program, std::size_t stage, const PlaneLayout& layout,
              Workspace<Real>& workspace);

  /// The images that planes pair from now on, the first in plain and the second in shifted form.
  void pair(const StageSide<Real>& first, const StageSide<Real>& second) {
    first_ = &first;
    second_ = &second;
  }

  /// Whether the plane of offset 0 pairs an image with itself: pixels are dropped together.
  void pair_with_itself(bool same) { same_image_ = same; }

  /// Told of the variances that a step meets, before it is taken: a plane of offset 0 of an image with
  /// itself, whole rows.
  using Record = std::function<void(std::size_t step, const Real* variances)>;
  void record(Record record) { record_ = std::move(record); }

  /// The plane of the images' inner products; only in the first stage.
  Plane<Real> begin(const Offset& offset, bool wants_ntk);
  /// The plane whose values are given (T: null where it is not followed or zero).
  Plane<Real> begin(const PlaneRows<Real>& values, Tangent tangent);

  /// Through all operations: whole rows. Taps add to sums, one an output. Each operation is done to all
  /// planes before the next: what it needs to know of the images comes from memory once.
  void run(std::span<OffsetPlane<Real>> planes, std::span<PlaneSums> sums);

 private:
  PlanePlace<Real> place(const Offset& offset) const;
  void run(const PlaneOp& op, Plane<Real>& plane);
  void apply(const WindowOp& op, Plane<Real>& plane);
  void apply(const WeightOp& op, Plane<Real>& plane);
  void apply(const DualOp& op, Plane<Real>& plane);
  void apply(const NormOp& op, Plane<Real>& plane);
  void apply(const DropOp& op, Plane<Real>& plane);
  void apply(const BranchOp& op, Plane<Real>& plane);
  void apply(const TapOp& op, Plane<Real>& plane);

  void make_whole(Plane<Real>& plane);
  void make_separate(Plane<Real>& plane);
  void tell(std::size_t step, Plane<Real>& plane);
  void sum_rows(const WindowOp& op, Plane<Real>& plane);
  void sum_windows(const WindowOp& op, Plane<Real>& plane);
  void relu(const DualOp& op, Plane<Real>& plane, const PlaneRows<Real>& out);
  Plane<Real> copy(Plane<Real>& plane);
  void add(Real scale, Plane<Real>& to, Plane<Real>& from);
  void multiply(Plane<Real>& to, Plane<Real>& by);

  PlanePasses<Real> passes_ = plane_passes<Real>();
  const PlaneProgram& program_;
  const PlaneStage& stage_;
  bool from_images_;
  PlaneLayout layout_;
  Workspace<Real>& workspace_;
  AlignedVector<Real> links_;  ///< PlanePlace::links of each dx
  const StageSide<Real>* first_ = nullptr;
  const StageSide<Real>* second_ = nullptr;
  bool same_image_ = false;
  Record record_;
  PlanePlace<Real> place_;
  std::span<PlaneSums> sums_;
};

}  // namespace widegram::kernels
