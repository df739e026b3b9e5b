#include "src/kernels/plane_passes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numbers>
#include <type_traits>

#include "src/kernels/dual.hpp"
#include "src/kernels/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/kernels/plane_passes.cpp"
// Highway wants this order.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace widegram::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#include "src/kernels/plane_rows.inl"
// They build on it.
#include "src/kernels/plane_fronts.inl"
#include "src/kernels/plane_pictures.inl"

template <class Real>
void arccos(const PlanePlace<Real>& place, const ArccosPass<Real>& pass, const PlaneRows<Real>& in,
            const PlaneRows<Real>& out) {
  const bool plain = pass.nonnegative && pass.bias == 0;
  with_vectors(place.layout.vectors, [&](auto vectors) {
    with_bool(pass.found == Rows::row_summed, [&](auto found) {
      with_bool(pass.leave == Rows::row_summed, [&](auto leave) {
        with_bool(out.ntk != nullptr, [&](auto ntk) {
          with_bool(plain, [&](auto is_plain) {
            run<Real, vectors(), ntk(), leave()>(
                place, ArccosFront<Real, vectors(), found(), ntk(), leave(), is_plain()>(place, pass, in),
                out);
          });
        });
      });
    });
  });
}

template <class Real>
void input(const PlanePlace<Real>& place, const PairNumbers<Real>& pixels, Index channels, Real scale,
           Rows leave, const PlaneRows<Real>& out) {
  with_vectors(place.layout.vectors, [&](auto vectors) {
    const InputFront<Real, vectors()> front{pixels.plain, ShiftedRows<Real, vectors()>(place, pixels.shifted),
                                            pixels,       place.layout,
                                            channels,     hn::Set(Tag<Real>(), scale)};
    with_bool(leave == Rows::row_summed,
              [&](auto sum) { run<Real, vectors(), false, sum()>(place, front, out); });
  });
}

template <class Real>
void copy(const PlanePlace<Real>& place, const PlaneRows<Real>& in, Rows found, Real scale, Real bias,
          Rows leave, const PlaneRows<Real>& out) {
  const Tag<Real> tag;
  with_bool(found == Rows::row_summed, [&](auto summed) {
    with_bool(leave == Rows::row_summed, [&](auto sum) {
      with_bool(out.ntk != nullptr, [&](auto ntk) {
        with_vectors(place.layout.vectors, [&](auto vectors) {
          const CopyFront<Real, vectors(), summed(), ntk()> front{in, place.layout, hn::Set(tag, scale),
                                                                  hn::Set(tag, bias)};
          run<Real, vectors(), ntk(), sum()>(place, front, out);
        });
      });
    });
  });
}

template <class Real>
PlanePasses<Real> all() {
  return {lanes<Real>(), input<Real>, copy<Real>,     arccos<Real>,    window<Real>, circular_window<Real>,
          weights<Real>, norm<Real>,  add_rows<Real>, add_piece<Real>, sum<Real>};
}

PlanePasses<float> float_passes() { return all<float>(); }
PlanePasses<double> double_passes() { return all<double>(); }

}  // namespace
}  // namespace widegram::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::kernels {
namespace {
HWY_EXPORT(float_passes);
HWY_EXPORT(double_passes);
}  // namespace

double arccos_factor(const AbRelu& activation, double scale) {
  constexpr double turn = 0.5 / std::numbers::pi;
  return turn * scale * (activation.a - activation.b) * (activation.a - activation.b);
}

template <>
PlanePasses<float> plane_passes() {
  return HWY_DYNAMIC_DISPATCH(float_passes)();
}

template <>
PlanePasses<double> plane_passes() {
  return HWY_DYNAMIC_DISPATCH(double_passes)();
}

}  // namespace widegram::kernels
#endif  // HWY_ONCE
