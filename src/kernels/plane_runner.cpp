#include "src/kernels/plane_runner.hpp"

#include <algorithm>

#include "src/kernels/dual.hpp"

namespace widegram::kernels {
namespace {

/// Which pixels j columns apart are neighbours in both images, of every dx: inside the width, on one side of
/// the seam.
template <class Real>
AlignedVector<Real> make_links(const PlaneLayout& layout, Index reach, const std::vector<Index>& offsets) {
  AlignedVector<Real> links(static_cast<std::size_t>(layout.width * 2 * reach * layout.stride()));
  for (const Index dx : offsets)
    for (Index j = 1; j <= reach; ++j)
      for (const Index sign : {-1, 1}) {
        Real* const row =
            links.data() + (dx * 2 * reach + 2 * (j - 1) + (sign > 0 ? 1 : 0)) * layout.stride();
        for (Index x = 0; x < layout.width; ++x) {
          const Index other = x + sign * j;
          const bool inside = other >= 0 && other < layout.width;
          const bool same_side = (x + dx < layout.width) == (other + dx < layout.width);
          row[layout.slot(x)] = inside && same_side ? Real(1) : Real(0);
        }
      }
  return links;
}

}  // namespace

template <class Real>
Plane<Real>::Plane(const PlaneLayout& layout, Tangent tangent, Workspace<Real>& workspace)
    : tangent(tangent),
      stride_(layout.stride()),
      kernel_size_(layout.size() + slack * layout.stride()),
      memory_(workspace.take(4 * kernel_size_)) {}

template <class Real>
PlaneRows<Real> Plane<Real>::at(const Spot& spot) const {
  Real* const nngp = memory_.data() + spot.area * 2 * kernel_size_ + spot.row * stride_;
  return {nngp, nngp + kernel_size_};
}

template <class Real>
PlaneRows<Real> Plane<Real>::readable() const {
  PlaneRows<Real> rows = this->rows();
  if (tangent == Tangent::equal) rows.ntk = rows.nngp;
  if (tangent == Tangent::zero || tangent == Tangent::unwanted) rows.ntk = nullptr;
  return rows;
}

template <class Real>
PlaneRows<Real> Plane<Real>::above(bool has_ntk) {
  if (spot_.row == 0) return elsewhere(has_ntk);
  next_ = {spot_.area, spot_.row - 1};
  PlaneRows<Real> rows = at(next_);
  if (!has_ntk) rows.ntk = nullptr;
  return rows;
}

template <class Real>
PlaneRows<Real> Plane<Real>::elsewhere(bool has_ntk) {
  next_ = {1 - spot_.area, slack};
  PlaneRows<Real> rows = at(next_);
  if (!has_ntk) rows.ntk = nullptr;
  return rows;
}

template <class Real>
PlaneRunner<Real>::PlaneRunner(const PlaneProgram& program, std::size_t stage, const PlaneLayout& layout,
                               Workspace<Real>& workspace)
    : program_(program),
      stage_(program.stages[stage]),
      from_images_(stage == 0),
      layout_(layout),
      workspace_(workspace),
      links_(make_links<Real>(layout, stage_.reach, stage_.planes.dx)) {}

template <class Real>
PlanePlace<Real> PlaneRunner<Real>::place(const Offset& offset) const {
  return {layout_, offset, links_.data() + offset.dx * 2 * stage_.reach * layout_.stride()};
}

template <class Real>
Plane<Real> PlaneRunner<Real>::begin(const Offset& offset, bool wants_ntk) {
  Plane<Real> plane(layout_, wants_ntk ? Tangent::zero : Tangent::unwanted, workspace_);
  const auto* window = stage_.ops.empty() ? nullptr : std::get_if<WindowOp>(&stage_.ops.front());
  plane.form = window != nullptr && window->row_summed ? Rows::row_summed : Rows::whole;
  passes_.input(place(offset), pair_pixels(*first_, *second_), program_.input.channels,
                static_cast<Real>(stage_.scale), plane.form, plane.rows());
  return plane;
}

template <class Real>
Plane<Real> PlaneRunner<Real>::begin(const PlaneRows<Real>& values, Tangent tangent) {
  Plane<Real> plane(layout_, tangent, workspace_);
  PlaneRows<Real> to = plane.rows();
  if (values.ntk == nullptr) to.ntk = nullptr;
  passes_.copy(place({0, 0}), values, Rows::whole, static_cast<Real>(stage_.scale), Real(0), Rows::whole, to);
  return plane;
}

template <class Real>
void PlaneRunner<Real>::run(std::span<OffsetPlane<Real>> planes, std::span<PlaneSums> sums) {
  sums_ = sums;
  const auto each = [&](const auto& take) {
    for (auto& [offset, plane] : planes) {
      place_ = place(offset);
      take(plane);
    }
  };
  for (const PlaneOp& op : stage_.ops) each([&](Plane<Real>& plane) { run(op, plane); });
  each([&](Plane<Real>& plane) { make_whole(plane); });
}

template <class Real>
void PlaneRunner<Real>::run(const PlaneOp& op, Plane<Real>& plane) {
  std::visit([&](const auto& kind) { apply(kind, plane); }, op.kind());
}

template <class Real>
void PlaneRunner<Real>::make_whole(Plane<Real>& plane) {
  if (plane.form == Rows::whole) return;
  const bool separate = plane.tangent == Tangent::separate;
  passes_.copy(place_, plane.readable(), plane.form, Real(1), plane.bias, Rows::whole, plane.above(separate));
  plane.moved();
  plane.form = Rows::whole;
  plane.bias = 0;
}

/// Whole rows of T beside those of K.
template <class Real>
void PlaneRunner<Real>::make_separate(Plane<Real>& plane) {
  make_whole(plane);
  if (plane.tangent != Tangent::equal) return;
  std::copy_n(plane.rows().nngp, layout_.size(), plane.rows().ntk);
  plane.tangent = Tangent::separate;
}

template <class Real>
void PlaneRunner<Real>::tell(std::size_t step, Plane<Real>& plane) {
  if (!record_) return;
  make_whole(plane);
  record_(step, plane.rows().nngp);
}

/// With K comes what it adds to T, so that one sum serves both.
template <class Real>
void PlaneRunner<Real>::sum_rows(const WindowOp& op, Plane<Real>& plane) {
  if (plane.tangent == Tangent::equal || plane.tangent == Tangent::separate) {
    make_separate(plane);
    const PlaneRows<Real> rows = plane.rows();
    passes_.add_piece(1, layout_.size(), rows.nngp, 0, rows.ntk, 0);
  }
  make_whole(plane);
  PlaneRows<Real> rows = plane.rows();
  if (plane.tangent != Tangent::separate) rows.ntk = nullptr;
  passes_.copy(place_, rows, Rows::whole, static_cast<Real>(op.weight), Real(0), Rows::row_summed, rows);
  plane.form = Rows::row_summed;
}

template <class Real>
void PlaneRunner<Real>::sum_windows(const WindowOp& op, Plane<Real>& plane) {
  make_separate(plane);
  const bool separate = plane.tangent == Tangent::separate;
  const PlaneRows<Real> in = plane.rows();
  const PlaneRows<Real> out = plane.elsewhere(separate);
  const auto window = op.circular ? passes_.circular_window : passes_.window;
  window(place_, op.size, in.nngp, out.nngp);
  if (separate) window(place_, op.size, in.ntk, out.ntk);
  plane.moved();
  apply(WeightOp{op.weight, op.bias}, plane);
}

template <class Real>
void PlaneRunner<Real>::apply(const WindowOp& op, Plane<Real>& plane) {
  if (!op.row_summed) {
    if (op.size != 3 || op.circular) return sum_windows(op, plane);
    sum_rows(op, plane);
  }
  plane.bias = static_cast<Real>(op.bias);
  if (plane.tangent == Tangent::zero) plane.tangent = Tangent::equal;
}

template <class Real>
void PlaneRunner<Real>::apply(const WeightOp& op, Plane<Real>& plane) {
  make_separate(plane);
  PlaneRows<Real> rows = plane.rows();
  if (plane.tangent != Tangent::separate) rows.ntk = nullptr;
  passes_.weights(layout_, static_cast<Real>(op.weight), static_cast<Real>(op.bias), rows);
  if (plane.tangent == Tangent::zero) plane.tangent = Tangent::equal;
}

template <class Real>
void PlaneRunner<Real>::relu(const DualOp& op, Plane<Real>& plane, const PlaneRows<Real>& out) {
  passes_.arccos(place_,
                 {.activation = std::get<AbRelu>(op.activation),
                  .scale = op.scale,
                  .found = plane.form,
                  .leave = op.row_sums ? Rows::row_summed : Rows::whole,
                  .bias = plane.bias,
                  .nonnegative = op.nonnegative,
                  .numbers = pair_step(*first_, *second_, op.step)},
                 plane.readable(), out);
}

template <class Real>
void PlaneRunner<Real>::apply(const DualOp& op, Plane<Real>& plane) {
  tell(op.step, plane);
  if (std::holds_alternative<AbRelu>(op.activation)) {
    const bool has_ntk = plane.tangent == Tangent::equal || plane.tangent == Tangent::separate;
    relu(op, plane, plane.above(has_ntk));
    plane.moved();
    plane.form = op.row_sums ? Rows::row_summed : Rows::whole;
    plane.bias = 0;
    if (has_ntk) plane.tangent = Tangent::separate;
    return;
  }
  make_separate(plane);
  const PairNumbers<Real> numbers = pair_step(*first_, *second_, op.step);
  const PlaneRows<Real> rows = plane.readable();
  const Index height = layout_.height;
  const Offset offset = place_.offset;
  const auto apply_rows = [&](Index begin, Index end, Index down) {
    for (Index v = 0; v < layout_.vectors; ++v) {
      const Index first = begin * layout_.stride() + v * layout_.lanes;
      const Index second = (begin + down) * layout_.shifted_stride() + layout_.shifted_start(offset.dx, v);
      const auto side = [&](const Real* values, Index step) {
        return SideView<Real>{values, first_->width(op.step), step, layout_.lanes};
      };
      apply_dual_paired(op.activation, side(numbers.plain + first, numbers.plain_step),
                        side(numbers.shifted + second, numbers.shifted_step), rows.nngp + first,
                        rows.ntk == nullptr ? nullptr : rows.ntk + first,
                        {end - begin, layout_.stride(), layout_.stride(), layout_.shifted_stride()});
    }
  };
  apply_rows(0, height - offset.dy, offset.dy);
  if (offset.dy > 0) apply_rows(height - offset.dy, height, offset.dy - height);
}

template <class Real>
void PlaneRunner<Real>::apply(const NormOp& op, Plane<Real>& plane) {
  tell(op.step, plane);
  make_whole(plane);
  PlaneRows<Real> rows = plane.rows();
  if (plane.tangent != Tangent::separate) rows.ntk = nullptr;
  passes_.norm(place_, pair_step(*first_, *second_, op.step), rows);
}

template <class Real>
void PlaneRunner<Real>::apply(const DropOp& op, Plane<Real>& plane) {
  if (!same_image_ || place_.offset != Offset{0, 0}) return;
  make_whole(plane);
  PlaneRows<Real> rows = plane.rows();
  if (plane.tangent != Tangent::separate) rows.ntk = nullptr;
  passes_.copy(place_, rows, Rows::whole, static_cast<Real>(1 / op.keep), Real(0), Rows::whole, rows);
}

template <class Real>
Plane<Real> PlaneRunner<Real>::copy(Plane<Real>& plane) {
  make_whole(plane);
  Plane<Real> twin(layout_, plane.tangent, workspace_);
  std::copy_n(plane.rows().nngp, layout_.size(), twin.rows().nngp);
  if (plane.tangent == Tangent::separate) std::copy_n(plane.rows().ntk, layout_.size(), twin.rows().ntk);
  return twin;
}

template <class Real>
void PlaneRunner<Real>::add(Real scale, Plane<Real>& to, Plane<Real>& from) {
  make_separate(to);
  make_separate(from);
  const auto add_kernel = [&](Real* a, const Real* b) {
    for (Index i = 0; i < layout_.size(); ++i) a[i] = scale * a[i] + b[i];
  };
  add_kernel(to.rows().nngp, from.rows().nngp);
  if (to.tangent == Tangent::separate && from.tangent == Tangent::separate) {
    add_kernel(to.rows().ntk, from.rows().ntk);
  } else if (to.tangent == Tangent::separate) {
    for (Index i = 0; i < layout_.size(); ++i) to.rows().ntk[i] *= scale;
  } else if (from.tangent == Tangent::separate) {
    std::copy_n(from.rows().ntk, layout_.size(), to.rows().ntk);
    to.tangent = Tangent::separate;
  }
}

template <class Real>
void PlaneRunner<Real>::multiply(Plane<Real>& to, Plane<Real>& by) {
  make_separate(to);
  make_separate(by);
  const PlaneRows<Real> a = to.rows();
  const PlaneRows<Real> b = by.rows();
  const bool a_ntk = to.tangent == Tangent::separate;
  const bool b_ntk = by.tangent == Tangent::separate;
  if (a_ntk || b_ntk) {
    for (Index i = 0; i < layout_.size(); ++i)
      a.ntk[i] = (a_ntk ? a.ntk[i] * b.nngp[i] : Real(0)) + (b_ntk ? a.nngp[i] * b.ntk[i] : Real(0));
    to.tangent = Tangent::separate;
  }
  for (Index i = 0; i < layout_.size(); ++i) a.nngp[i] *= b.nngp[i];
}

template <class Real>
void PlaneRunner<Real>::apply(const BranchOp& op, Plane<Real>& plane) {
  Plane<Real> result = copy(plane);
  for (const PlaneOp& inner : op.branches.front()) run(inner, result);
  make_whole(result);
  for (std::size_t i = 1; i < op.branches.size(); ++i) {
    Plane<Real> branch = copy(plane);
    for (const PlaneOp& inner : op.branches[i]) run(inner, branch);
    if (op.product)
      multiply(result, branch);
    else
      add(static_cast<Real>(op.scale), result, branch);
  }
  plane = std::move(result);
}

template <class Real>
void PlaneRunner<Real>::apply(const TapOp& op, Plane<Real>& plane) {
  const bool diagonal = program_.outputs[op.output].diagonal;
  if (op.dual) tell(op.dual->step, plane);
  if (sums_.empty() || (diagonal && place_.offset != Offset{0, 0})) return;
  PlaneRows<Real> rows;
  if (op.dual) {
    const bool has_ntk = plane.tangent == Tangent::equal || plane.tangent == Tangent::separate;
    rows = plane.elsewhere(has_ntk);
    relu(*op.dual, plane, rows);
  } else {
    make_whole(plane);
    rows = plane.readable();
  }
  PlaneSums& sums = sums_[op.output];
  const double nngp = passes_.sum(layout_, rows.nngp);
  sums.nngp += nngp;
  if (rows.ntk != nullptr) sums.ntk += rows.ntk == rows.nngp ? nngp : passes_.sum(layout_, rows.ntk);
}

template class Plane<float>;
template class Plane<double>;
template class PlaneRunner<float>;
template class PlaneRunner<double>;

}  // namespace widegram::kernels
