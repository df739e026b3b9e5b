#include "src/kernels/plane_transition.hpp"

#include <algorithm>
#include <tuple>

namespace widegram::kernels {
namespace {

/// The place of a value in a sorted list, -1 outside.
Index place_in(const std::vector<Index>& values, Index value) {
  const auto found = std::lower_bound(values.begin(), values.end(), value);
  return found != values.end() && *found == value ? found - values.begin() : -1;
}

}  // namespace

template <class Real>
PlaneTransition<Real>::PlaneTransition(const PlaneStage& stage, const PlaneLayout& from,
                                       const OffsetSet& planes, PlaneSet<Real>& to)
    : stage_(stage), from_(from), to_(to) {
  for (const Index dy : planes.dy) row_targets_.push_back(row_targets(dy));
  for (const Index dx : planes.dx) moves_.push_back(moves(dx));
  const std::size_t strips =
      to.offsets().dy.size() * static_cast<std::size_t>(to.layout().height * from.stride());
  const auto spare = static_cast<std::size_t>(from.lanes);  // see PlanePasses::add_piece
  nngp_.resize(strips + spare);
  ntk_.resize(strips + spare);
  targets_.resize(static_cast<std::size_t>(from.height));
}

template <class Real>
auto PlaneTransition<Real>::row_targets(Index dy) const -> std::vector<RowTargets> {
  std::vector<RowTargets> all;
  for (Index y = 0; y < from_.height; ++y) {
    std::size_t level = 0;
    for (const AxisWindows::Target& target : stage_.rows->targets(y, dy)) {
      const Index row = place_in(to_.offsets().dy, target.offset);
      if (row < 0) continue;
      if (level == all.size()) all.emplace_back(static_cast<std::size_t>(from_.height), Index{-1});
      all[level++][static_cast<std::size_t>(y)] = row * to_.layout().height + target.pixel;
    }
  }
  return all;
}

template <class Real>
auto PlaneTransition<Real>::moves(Index dx) const -> std::vector<Move> {
  std::vector<Move> single;
  for (Index x = 0; x < from_.width; ++x)
    for (const AxisWindows::Target& target : stage_.cols->targets(x, dx))
      if (const Index col = place_in(to_.offsets().dx, target.offset); col >= 0)
        single.push_back({static_cast<std::size_t>(col), from_.slot(x), to_.layout().slot(target.pixel), 1});
  // Neighbours that go to neighbours go together.
  std::sort(single.begin(), single.end(), [](const Move& a, const Move& b) {
    return std::tuple(a.col, a.to - a.from, a.from) < std::tuple(b.col, b.to - b.from, b.from);
  });
  std::vector<Move> merged;
  for (const Move& move : single) {
    Move* const last = merged.empty() ? nullptr : &merged.back();
    if (last != nullptr && last->col == move.col && last->from + last->width == move.from &&
        last->to + last->width == move.to)
      ++last->width;
    else
      merged.push_back(move);
  }
  return merged;
}

template <class Real>
void PlaneTransition<Real>::begin_column() {
  std::fill(nngp_.begin(), nngp_.end(), Real(0));
  std::fill(ntk_.begin(), ntk_.end(), Real(0));
}

template <class Real>
void PlaneTransition<Real>::add(std::size_t row, const PlaneRows<Real>& values) {
  const auto add_kernel = [&](const RowTargets& targets, const Real* kernel, AlignedVector<Real>& strips) {
    for (std::size_t y = 0; y < targets.size(); ++y)
      targets_[y] = targets[y] < 0 ? nullptr : strips.data() + targets[y] * from_.stride();
    passes_.add_rows(from_, kernel, targets_.data());
  };
  for (const RowTargets& targets : row_targets_[row]) {
    add_kernel(targets, values.nngp, nngp_);
    if (values.ntk != nullptr) add_kernel(targets, values.ntk, ntk_);
  }
}

template <class Real>
void PlaneTransition<Real>::end_column(std::size_t col) {
  const PlaneLayout& layout = to_.layout();
  const Index strip = layout.height * from_.stride();
  for (std::size_t row = 0; row < to_.offsets().dy.size(); ++row)
    for (const Move& move : moves_[col]) {
      const PlaneRows<Real> plane = to_.plane(row, move.col);
      const auto from = static_cast<std::ptrdiff_t>(row) * strip + move.from;
      passes_.add_piece(layout.height, move.width, nngp_.data() + from, from_.stride(), plane.nngp + move.to,
                        layout.stride());
      passes_.add_piece(layout.height, move.width, ntk_.data() + from, from_.stride(), plane.ntk + move.to,
                        layout.stride());
    }
}

template class PlaneTransition<float>;
template class PlaneTransition<double>;

}  // namespace widegram::kernels
