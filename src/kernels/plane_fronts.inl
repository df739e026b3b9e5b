// What makes the rows of a plane: the fronts that Run (plane_rows.inl) takes. Included as that file is.

template <class Real, int kVectors>
struct InputFront {
  const Real* plain;
  ShiftedRows<Real, kVectors> shifted;
  PairNumbers<Real> pixels;
  PlaneLayout layout;
  Index channels;
  Vec<Real> scale;

  template <bool kInside>
  HWY_INLINE void operator()(const At<kInside>& at, Index v, Vec<Real>& k, Vec<Real>&) const {
    const Tag<Real> tag;
    const Index place = at.y * stride_of<Real, kVectors>(layout) + v * lanes<Real>();
    Vec<Real> sum = hn::Zero(tag);
    for (Index c = 0; c < channels; ++c)
      sum = hn::MulAdd(hn::Load(tag, plain + c * pixels.plain_step + place),
                       hn::LoadU(tag, shifted.place(at.shifted_y, v) + c * pixels.shifted_step), sum);
    k = hn::Mul(scale, sum);
  }
};

template <class Real, int kVectors, bool kSum, bool kNtk>
struct CopyFront {
  PlaneRows<Real> in;
  PlaneLayout layout;
  Vec<Real> scale, bias;

  template <bool kInside>
  HWY_INLINE void operator()(const At<kInside>& at, Index v, Vec<Real>& k, Vec<Real>& t) const {
    const Index place = v * lanes<Real>();
    const Index stride = stride_of<Real, kVectors>(layout);
    k = hn::MulAdd(scale, read<Real, kSum>(in.nngp, stride, at, place), bias);
    if constexpr (kNtk) t = hn::MulAdd(scale, read<Real, kSum>(in.ntk, stride, at, place), bias);
  }
};

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
template <class Real, int kVectors, bool kSum, bool kNtk, bool kAdds, bool kPlain>
class ArccosFront {
 public:
  ArccosFront(const PlanePlace<Real>& place, const ArccosPass<Real>& pass, const PlaneRows<Real>& in)
      : in_(in),
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

  template <bool kInside>
  HWY_INLINE void operator()(const At<kInside>& at, Index v, Vec<Real>& k, Vec<Real>& t) const {
    const Tag<Real> tag;
    const Index place = v * lanes<Real>();
    const Index stride = stride_of<Real, kVectors>(layout_);
    const Index plain = at.y * stride + place;
    const Real* const shifted = shifted_.place(at.shifted_y, v);
    Vec<Real> c = read<Real, kSum>(in_.nngp, stride, at, place);
    if constexpr (!kPlain) c = hn::Add(c, bias_);
    const Vec<Real> rho = hn::Mul(
        c, hn::Mul(hn::Load(tag, plain_ + plain_step_ + plain), hn::LoadU(tag, shifted + shifted_step_)));
    const Vec<Real> root = hn::Mul(hn::Load(tag, plain_ + plain), hn::LoadU(tag, shifted));
    // Equal members have rho = 1 but for the rounding of their roots, which the square root would blow up: a
    // distance of a few units in the last place is none.
    const Vec<Real> squared_sine = hn::NegMulAdd(rho, rho, one_);
    const Vec<Real> sine = hn::IfThenElseZero(hn::Gt(squared_sine, negligible_), hn::Sqrt(squared_sine));
    Vec<Real> slope;
    if constexpr (kPlain) {
      slope = hn::NegMulAdd(sine, series(rho), high_);
    } else {
      const Vec<Real> arc = hn::Mul(sine, series(hn::Abs(rho)));
      slope = hn::IfNegativeThenElse(rho, hn::Add(low_, arc), hn::Sub(high_, arc));
    }
    k = hn::MulAdd(c, slope, hn::Mul(root, sine));
    if constexpr (kNtk) {
      t = read<Real, kSum>(in_.ntk, stride, at, place);
      if constexpr (!kPlain) t = hn::Add(t, bias_);
      t = kAdds ? hn::MulAdd(t, slope, k) : hn::Mul(t, slope);
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
