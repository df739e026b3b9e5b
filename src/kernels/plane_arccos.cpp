#include "src/kernels/plane_arccos.hpp"

#include <array>
#include <limits>
#include <numbers>
#include <type_traits>

#include "src/kernels/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/kernels/plane_arccos.cpp"
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

/// arccos(r) = sqrt(1 - r^2) q(r) for r in [0, 1], with q analytic there: coefficients of r^k, so that the
/// largest error of arccos(r) / pi is as small as it can be (exchange algorithm): 2e-8 (float, 9e-8
/// evaluated) and 7e-14 (double).
template <class Real>
struct ArccosSeries;
template <>
struct ArccosSeries<float> {
  static constexpr std::array<double, 9> coefficients{
      1.570796251296997,   -0.9999884963035583, 0.7850416898727417,   -0.6623696088790894, 0.5625097155570984,
      -0.4372509717941284, 0.26938503980636597, -0.10861607640981674, 0.02049325965344906};
};
template <>
struct ArccosSeries<double> {
  static constexpr std::array<double, 16> coefficients{
      1.5707963267946916,  -0.9999999998857155,  0.785398152816862,    -0.6666662786921339,
      0.589041125518439,   -0.5332452444840929,  0.49018874482118724,  -0.45341537101368096,
      0.4147712110804374,  -0.3627256454995248,  0.28770536322293067,  -0.19382900774498987,
      0.10302375745689946, -0.03954781847085862, 0.009601092000158646, -0.0010964079253532723};
};

/// See ArccosPass. kPlain: nothing is below zero, and no bias is to be added.
template <class Real, int kVectors, bool kNtk, bool kPlain>
class ArccosFront {
 public:
  ArccosFront(const PlanePlace<Real>& place, const ArccosPass<Real>& pass, const PlaneRows<Real>& in)
      : in_(in),
        found_(pass.found),
        adds_(pass.leave == Rows::row_summed),
        plain_(pass.numbers.plain),
        plain_step_(pass.numbers.plain_step),
        shifted_(place, pass.numbers.shifted),
        shifted_step_(pass.numbers.shifted_step),
        layout_(place.layout),
        low_(set(pass.scale * pass.activation.a * pass.activation.b)),
        high_(set(pass.scale *
                  (pass.activation.a * pass.activation.a + pass.activation.b * pass.activation.b) / 2)),
        bias_(set(static_cast<double>(pass.bias))) {
    const double factor = arccos_factor(pass.activation, pass.scale);
    for (std::size_t k = 0; k < terms; ++k) series_[k] = set(factor * ArccosSeries<Real>::coefficients[k]);
  }

  HWY_INLINE void operator()(const At& at, Row<Real, kVectors>& k, Row<Real, kVectors>& t) const {
    const Tag<Real> tag;
    const Index stride = stride_of<Real, kVectors>(layout_);
    const ThreeRows<Real> nngp(in_.nngp, stride, at, found_);
    const ThreeRows<Real> ntk(kNtk ? in_.ntk : in_.nngp, stride, at, found_);
    for (Index v = 0; v < count_of<kVectors>(layout_); ++v) {
      const Index place = v * lanes<Real>();
      const Real* const plain = plain_ + at.y * stride + place;
      const Real* const shifted = shifted_.place(at.shifted_y, v);
      Vec<Real> c = nngp.read(place);
      if constexpr (!kPlain) c = hn::Add(c, bias_);
      const Vec<Real> rho =
          hn::Mul(c, hn::Mul(hn::Load(tag, plain + plain_step_), hn::LoadU(tag, shifted + shifted_step_)));
      const Vec<Real> root = hn::Mul(hn::Load(tag, plain), hn::LoadU(tag, shifted));
      // Equal members have rho = 1 but for the rounding of their roots, which the square root would blow up:
      // a distance of a few units in the last place is none.
      const Vec<Real> squared_sine = hn::NegMulAdd(rho, rho, one_);
      const Vec<Real> sine = hn::IfThenElseZero(hn::Gt(squared_sine, negligible_), hn::Sqrt(squared_sine));
      Vec<Real> slope;
      if constexpr (kPlain) {
        slope = hn::NegMulAdd(sine, series(rho), high_);
      } else {
        const Vec<Real> arc = hn::Mul(sine, series(hn::Abs(rho)));
        slope = hn::IfNegativeThenElse(rho, hn::Add(low_, arc), hn::Sub(high_, arc));
      }
      k.values[v] = hn::MulAdd(c, slope, hn::Mul(root, sine));
      if constexpr (kNtk) {
        Vec<Real> tangent = ntk.read(place);
        if constexpr (!kPlain) tangent = hn::Add(tangent, bias_);
        t.values[v] = hn::MulAdd(tangent, slope, adds_ ? k.values[v] : hn::Zero(tag));
      }
    }
  }

 private:
  static constexpr std::size_t terms = ArccosSeries<Real>::coefficients.size();

  static Vec<Real> set(double x) { return hn::Set(Tag<Real>(), static_cast<Real>(x)); }

  /// Even and odd powers apart: two short chains.
  HWY_INLINE Vec<Real> series(Vec<Real> r) const {
    const Vec<Real> square = hn::Mul(r, r);
    constexpr std::size_t last_even = (terms - 1) / 2 * 2;
    constexpr std::size_t last_odd = terms / 2 * 2 - 1;
    Vec<Real> even = series_[last_even];
    Vec<Real> odd = series_[last_odd];
    for (std::size_t k = last_even; k >= 2; k -= 2) even = hn::MulAdd(even, square, series_[k - 2]);
    for (std::size_t k = last_odd; k >= 2; k -= 2) odd = hn::MulAdd(odd, square, series_[k - 2]);
    return hn::MulAdd(odd, r, even);
  }

  PlaneRows<Real> in_;
  Rows found_;
  bool adds_;  ///< K to T
  const Real* plain_;
  Index plain_step_;
  ShiftedRows<Real, kVectors> shifted_;
  Index shifted_step_;
  PlaneLayout layout_;
  Vec<Real> series_[terms];
  Vec<Real> low_, high_, bias_;
  Vec<Real> one_ = set(1);
  Vec<Real> negligible_ = set(4 * std::numeric_limits<Real>::epsilon());
};

template <class Real>
void arccos(const PlanePlace<Real>& place, const ArccosPass<Real>& pass, const PlaneRows<Real>& in,
            const PlaneRows<Real>& out) {
  const bool plain = pass.nonnegative && pass.bias == 0;
  with_vectors(place.layout.vectors, [&](auto vectors) {
    with_bool(out.ntk != nullptr, [&](auto ntk) {
      with_bool(plain, [&](auto is_plain) {
        run<Real, vectors(), ntk()>(place, ArccosFront<Real, vectors(), ntk(), is_plain()>(place, pass, in),
                                    pass.leave, out);
      });
    });
  });
}

ArccosFunction<float> float_function() { return arccos<float>; }
ArccosFunction<double> double_function() { return arccos<double>; }

}  // namespace
}  // namespace widegram::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::kernels {
namespace {
HWY_EXPORT(float_function);
HWY_EXPORT(double_function);
}  // namespace

double arccos_factor(const AbRelu& activation, double scale) {
  constexpr double turn = 0.5 / std::numbers::pi;
  return turn * scale * (activation.a - activation.b) * (activation.a - activation.b);
}

template <>
ArccosFunction<float> arccos_function() {
  return HWY_DYNAMIC_DISPATCH(float_function)();
}

template <>
ArccosFunction<double> arccos_function() {
  return HWY_DYNAMIC_DISPATCH(double_function)();
}

}  // namespace widegram::kernels
#endif  // HWY_ONCE
