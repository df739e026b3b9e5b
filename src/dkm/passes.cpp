#include "src/dkm/passes.hpp"

#include <limits>
#include <numbers>

#include "src/kernels/dual_arccos.hpp"
#include "src/kernels/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/dkm/passes.cpp"
// Highway wants this order.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace widegram::dkm::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class Real>
using Tag = hn::ScalableTag<Real>;
template <class Real>
using Vec = hn::Vec<Tag<Real>>;

template <class Real>
Index lanes() {
  return static_cast<Index>(hn::Lanes(Tag<Real>()));
}

/// theta = acos(1 - distance) over sine (kernels/dual_arccos.hpp), in two interleaved sums.
template <class Real>
HWY_INLINE Vec<Real> angle_over_sine(Vec<Real> distance) {
  const Tag<Real> tag;
  const auto& q = kernels::ArccosOverRoot<Real>::coefficients;
  constexpr std::size_t terms = kernels::ArccosOverRoot<Real>::coefficients.size();
  const auto square = distance * distance;
  constexpr std::size_t last_even = (terms - 1) / 2 * 2, last_odd = (terms - 2) / 2 * 2 + 1;
  auto even = hn::Set(tag, q[last_even]);
  auto odd = hn::Set(tag, q[last_odd]);
  for (std::size_t k = last_even; k >= 2; k -= 2) even = hn::MulAdd(even, square, hn::Set(tag, q[k - 2]));
  for (std::size_t k = last_odd; k >= 3; k -= 2) odd = hn::MulAdd(odd, square, hn::Set(tag, q[k - 2]));
  return hn::MulAdd(odd, distance, even);
}

template <class Real>
void arccos(const Real* in, Index rows, Index count, const ArccosMembers<Real>& left,
            const ArccosMembers<Real>& right, Real weight, Real bias, Real* out, Real* slope, Real* sine) {
  const Tag<Real> tag;
  const auto one = hn::Set(tag, Real{1}), minus_one = hn::Set(tag, Real{-1}), two = hn::Set(tag, Real{2});
  const auto rounding = hn::Set(tag, static_cast<Real>(4 * std::numeric_limits<double>::epsilon()));
  const auto turn = hn::Set(tag, static_cast<Real>(1 / std::numbers::pi));
  const auto scale = hn::Set(tag, weight), offset = hn::Set(tag, bias);
  for (Index n = 0; n < count; ++n) {
    const auto right_root = hn::Set(tag, static_cast<Real>(right.root[n] / std::numbers::pi_v<Real>));
    const auto right_inverse = hn::Set(tag, right.inverse_root[n]);
    for (Index i = 0; i < rows; i += lanes<Real>()) {
      const auto c = hn::LoadU(tag, in + n * rows + i);
      const auto rho =
          hn::Max(hn::Min(c * hn::LoadU(tag, left.inverse_root + i) * right_inverse, one), minus_one);
      const auto gap = one - hn::Abs(rho);
      const auto distance = hn::IfThenElse(hn::Lt(gap, rounding), hn::Zero(tag), gap);
      const auto s = hn::Sqrt(distance * (two - distance));
      const auto arc = s * angle_over_sine<Real>(distance) * turn;
      const auto by_c = hn::IfNegativeThenElse(rho, arc, one - arc);
      const auto value = hn::MulAdd(s * hn::LoadU(tag, left.root + i), right_root, by_c * c);
      hn::StoreU(hn::MulAdd(scale, value, offset), tag, out + n * rows + i);
      if (slope == nullptr) continue;
      hn::StoreU(scale * by_c, tag, slope + n * rows + i);
      hn::StoreU(s, tag, sine + n * rows + i);
    }
  }
}

template <class Real>
void arccos_adjoint(const Real* d_out, Index rows, Index count, const Real* left_root, const Real* right_root,
                    const Real* slope, const Real* sine, Real* d_in, Real* left_sums, Real* right_sums) {
  const Tag<Real> tag;
  for (Index n = 0; n < count; ++n) {
    const auto root = hn::Set(tag, right_root[n]);
    auto sum = hn::Zero(tag);
    for (Index i = 0; i < rows; i += lanes<Real>()) {
      const auto d = hn::LoadU(tag, d_out + n * rows + i);
      const auto turned = d * hn::LoadU(tag, sine + n * rows + i);
      hn::StoreU(hn::MulAdd(turned, root, hn::LoadU(tag, left_sums + i)), tag, left_sums + i);
      sum = hn::MulAdd(turned, hn::LoadU(tag, left_root + i), sum);
      hn::StoreU(d * hn::LoadU(tag, slope + n * rows + i), tag, d_in + n * rows + i);
    }
    right_sums[n] = hn::GetLane(hn::SumOfLanes(tag, sum));
  }
}

template <class Real>
void column_dots(const Real* x, Index x_step, const Real* y, Index y_step, Index rows, Index count,
                 Real* out) {
  const Tag<Real> tag;
  for (Index n = 0; n < count; ++n) {
    auto sum = hn::Zero(tag);
    for (Index i = 0; i < rows; i += lanes<Real>())
      sum = hn::MulAdd(hn::LoadU(tag, x + n * x_step + i), hn::LoadU(tag, y + n * y_step + i), sum);
    out[n] = hn::GetLane(hn::SumOfLanes(tag, sum));
  }
}

template <class Real>
void scale(const Real* x, Index rows, Index count, const Real* row, const Real* column, Real* out) {
  const Tag<Real> tag;
  for (Index n = 0; n < count; ++n) {
    const auto by_column = hn::Set(tag, column[n]);
    for (Index i = 0; i < rows; i += lanes<Real>())
      hn::StoreU(hn::LoadU(tag, x + n * rows + i) * (hn::LoadU(tag, row + i) * by_column), tag,
                 out + n * rows + i);
  }
}

template <class Real>
void scale_sums(const Real* x, const Real* d, Index rows, Index count, const Real* row, const Real* column,
                Real* row_sums, Real* column_sums) {
  const Tag<Real> tag;
  for (Index n = 0; n < count; ++n) {
    const auto by_column = hn::Set(tag, column[n]);
    auto sum = hn::Zero(tag);
    for (Index i = 0; i < rows; i += lanes<Real>()) {
      const auto product = hn::LoadU(tag, x + n * rows + i) * hn::LoadU(tag, d + n * rows + i);
      sum = hn::MulAdd(product, hn::LoadU(tag, row + i), sum);
      hn::StoreU(hn::MulAdd(product, by_column, hn::LoadU(tag, row_sums + i)), tag, row_sums + i);
    }
    column_sums[n] = hn::GetLane(hn::SumOfLanes(tag, sum));
  }
}

template <class Real>
void combine(Real a, const Real* x, Real b, const Real* y, Index count, Real* out) {
  const Tag<Real> tag;
  const auto first = hn::Set(tag, a), second = hn::Set(tag, b);
  const Index whole = count - count % lanes<Real>();
  for (Index i = 0; i < whole; i += lanes<Real>()) {
    auto sum = first * hn::LoadU(tag, x + i);
    if (y != nullptr) sum = hn::MulAdd(second, hn::LoadU(tag, y + i), sum);
    hn::StoreU(sum, tag, out + i);
  }
  for (Index i = whole; i < count; ++i) out[i] = a * x[i] + (y != nullptr ? b * y[i] : Real{0});
}

template <class Real>
ColumnPasses<Real> all() {
  return {arccos<Real>, arccos_adjoint<Real>, column_dots<Real>,
          scale<Real>,  scale_sums<Real>,     combine<Real>};
}
ColumnPasses<float> float_passes() { return all<float>(); }
ColumnPasses<double> double_passes() { return all<double>(); }

}  // namespace
}  // namespace widegram::dkm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::dkm {
namespace {
HWY_EXPORT(float_passes);
HWY_EXPORT(double_passes);
}  // namespace

template <>
const ColumnPasses<float>& column_passes() {
  static const ColumnPasses<float> passes = HWY_DYNAMIC_DISPATCH(float_passes)();
  return passes;
}
template <>
const ColumnPasses<double>& column_passes() {
  static const ColumnPasses<double> passes = HWY_DYNAMIC_DISPATCH(double_passes)();
  return passes;
}

}  // namespace widegram::dkm
#endif  // HWY_ONCE
