#include "src/kernels/plane_passes.hpp"

#include <algorithm>
#include <array>
#include <type_traits>

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
#include "src/kernels/plane_pictures.inl"

template <class Real, int kVectors>
struct InputFront {
  PairNumbers<Real> pixels;
  ShiftedRows<Real, kVectors> shifted;
  PlaneLayout layout;
  Index channels;
  Vec<Real> scale;
  At at{};

  HWY_INLINE void go_to(const At& row) { at = row; }

  HWY_INLINE void operator()(Index v, Vec<Real>& k, Vec<Real>&) const {
    const Tag<Real> tag;
    const Index place = at.y * stride_of<Real, kVectors>(layout) + v * lanes<Real>();
    Vec<Real> sum = hn::Zero(tag);
    for (Index c = 0; c < channels; ++c)
      sum = hn::MulAdd(hn::Load(tag, pixels.plain + c * pixels.plain_step + place),
                       hn::LoadU(tag, shifted.place(at.shifted_y, v) + c * pixels.shifted_step), sum);
    k = hn::Mul(scale, sum);
  }
};

template <class Real, int kVectors, bool kNtk>
struct CopyFront {
  PlaneRows<Real> in;
  Rows found;
  PlaneLayout layout;
  Vec<Real> scale, bias;
  ThreeRows<Real> nngp{}, ntk{};

  HWY_INLINE void go_to(const At& at) {
    nngp.go_to(in.nngp, stride_of<Real, kVectors>(layout), at, found);
    if constexpr (kNtk) ntk.go_to(in.ntk, stride_of<Real, kVectors>(layout), at, found);
  }

  HWY_INLINE void operator()(Index v, Vec<Real>& k, Vec<Real>& t) const {
    k = hn::MulAdd(scale, nngp.read(v * lanes<Real>()), bias);
    if constexpr (kNtk) t = hn::MulAdd(scale, ntk.read(v * lanes<Real>()), bias);
  }
};

template <class Real>
void input(const PlanePlace<Real>& place, const PairNumbers<Real>& pixels, Index channels, Real scale,
           Rows leave, const PlaneRows<Real>& out) {
  with_vectors(place.layout.vectors, [&](auto vectors) {
    const InputFront<Real, vectors()> front{pixels, ShiftedRows<Real, vectors()>(place, pixels.shifted),
                                            place.layout, channels, hn::Set(Tag<Real>(), scale)};
    run<Real, vectors(), false>(place, front, leave, out);
  });
}

template <class Real>
void copy(const PlanePlace<Real>& place, const PlaneRows<Real>& in, Rows found, Real scale, Real bias,
          Rows leave, const PlaneRows<Real>& out) {
  const Tag<Real> tag;
  with_bool(out.ntk != nullptr, [&](auto ntk) {
    with_vectors(place.layout.vectors, [&](auto vectors) {
      const CopyFront<Real, vectors(), ntk()> front{in, found, place.layout, hn::Set(tag, scale),
                                                    hn::Set(tag, bias)};
      run<Real, vectors(), ntk()>(place, front, leave, out);
    });
  });
}

template <class Real>
PlanePasses<Real> all() {
  return {lanes<Real>(),  input<Real>,           copy<Real>,    arccos_function<Real>(),
          window<Real>,   circular_window<Real>, weights<Real>, norm<Real>,
          add_rows<Real>, add_piece<Real>,       sum<Real>};
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
