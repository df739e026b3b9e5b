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

  HWY_INLINE void operator()(const At& at, Row<Real, kVectors>& k, Row<Real, kVectors>&) const {
    const Tag<Real> tag;
    const Index count = count_of<kVectors>(layout);
    const Real* const row = pixels.plain + at.y * stride_of<Real, kVectors>(layout);
    for (Index v = 0; v < count; ++v) k.values[v] = hn::Zero(tag);
    for (Index c = 0; c < channels; ++c)
      for (Index v = 0; v < count; ++v)
        k.values[v] =
            hn::MulAdd(hn::Load(tag, row + c * pixels.plain_step + v * lanes<Real>()),
                       hn::LoadU(tag, shifted.place(at.shifted_y, v) + c * pixels.shifted_step), k.values[v]);
    for (Index v = 0; v < count; ++v) k.values[v] = hn::Mul(scale, k.values[v]);
  }
};

template <class Real, int kVectors, bool kNtk>
struct CopyFront {
  PlaneRows<Real> in;
  Rows found;
  PlaneLayout layout;
  Vec<Real> scale, bias;

  HWY_INLINE void operator()(const At& at, Row<Real, kVectors>& k, Row<Real, kVectors>& t) const {
    copy(in.nngp, at, k);
    if constexpr (kNtk) copy(in.ntk, at, t);
  }

 private:
  HWY_INLINE void copy(const Real* rows, const At& at, Row<Real, kVectors>& to) const {
    const ThreeRows<Real> three(rows, stride_of<Real, kVectors>(layout), at, found);
    for (Index v = 0; v < count_of<kVectors>(layout); ++v)
      to.values[v] = hn::MulAdd(scale, three.read(v * lanes<Real>()), bias);
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
