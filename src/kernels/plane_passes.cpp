#include "src/kernels/plane_passes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numbers>
#include <type_traits>

#include "src/kernels/dual.hpp"

// One target for each width that machines in use have; SVE's vectors cannot be kept in arrays.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
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

template <class Real>
using Tag = hn::ScalableTag<Real>;
template <class Real>
using Vec = hn::Vec<Tag<Real>>;
template <class Real>
using Mask = hn::Mask<Tag<Real>>;

template <class Real>
Index lanes() {
  return static_cast<Index>(hn::Lanes(Tag<Real>()));
}

/// Rows outside a plane.
template <class Real>
const Real* zeros() {
  alignas(64) static const Real row[most_vectors * HWY_MAX_BYTES / sizeof(Real)] = {};
  return row;
}

/// The registers of a row: their number is known to the compiler, or (kVectors = 0) to the layout alone.
template <class Real, int kVectors>
struct Row {
  static constexpr int capacity = kVectors > 0 ? kVectors : static_cast<int>(most_vectors);
  HWY_INLINE Row() {}  // an implicit one would not be compiled for the target
  Vec<Real> values[capacity];
};

template <int kVectors>
HWY_INLINE Index count_of(const PlaneLayout& layout) {
  return kVectors > 0 ? kVectors : layout.vectors;
}

/// Values from one row to the next.
template <class Real, int kVectors>
HWY_INLINE Index stride_of(const PlaneLayout& layout) {
  return count_of<kVectors>(layout) * lanes<Real>();
}

/// A stretch of rows without a seam in it. Row y of the first image meets row y + down of the second.
struct Stretch {
  Index begin, end, down;
};

HWY_INLINE std::array<Stretch, 2> stretches(const PlaneLayout& layout, const Offset& offset) {
  return {Stretch{0, layout.height - offset.dy, offset.dy},
          Stretch{layout.height - offset.dy, layout.height, offset.dy - layout.height}};
}

/// Where a row lies in its stretch. Inside: neither the first nor the last, as most are.
template <bool kInside>
struct At {
  Index y;
  Index shifted_y;
  bool first, last;
};

/// The second image's numbers for the registers of a plane's rows.
template <class Real, int kVectors>
class ShiftedRows {
 public:
  ShiftedRows(const PlanePlace<Real>& place, const Real* numbers)
      : numbers_(numbers), stride_(place.layout.shifted_stride()) {
    // A division by a constant number of registers takes no time.
    const auto count = static_cast<std::size_t>(count_of<kVectors>(place.layout));
    for (std::size_t v = 0; v < count; ++v) {
      const std::size_t column = static_cast<std::size_t>(place.offset.dx) + v;
      starts_[v] = static_cast<Index>(column % count) * place.layout.run + static_cast<Index>(column / count);
    }
  }
  HWY_INLINE const Real* place(Index shifted_y, Index v) const {
    return numbers_ + shifted_y * stride_ + starts_[v];
  }

 private:
  const Real* numbers_;
  Index stride_;
  Index starts_[Row<Real, kVectors>::capacity];
};

/// Reads a row as it is, or adds up three.
template <class Real, bool kSum, bool kInside>
HWY_INLINE Vec<Real> read(const Real* rows, Index stride, const At<kInside>& at, Index place) {
  const Tag<Real> tag;
  const Real* const row = rows + at.y * stride + place;
  Vec<Real> sum = hn::Load(tag, row);
  if constexpr (kSum) {
    sum = hn::Add(sum, hn::Load(tag, !kInside && at.first ? zeros<Real>() + place : row - stride));
    sum = hn::Add(sum, hn::Load(tag, !kInside && at.last ? zeros<Real>() + place : row + stride));
  }
  return sum;
}

/// Each value with its two neighbours in the row, where they are neighbours in both images.
template <class Real, int kVectors>
class Neighbours {
 public:
  explicit Neighbours(const PlanePlace<Real>& place) {
    const Tag<Real> tag;
    const Index count = count_of<kVectors>(place.layout);
    const Index n = lanes<Real>();
    for (Index v = 0; v < count; ++v) {
      left_[v] = hn::Ne(hn::Load(tag, place.links + v * n), hn::Zero(tag));
      right_[v] = hn::Ne(hn::Load(tag, place.links + place.layout.stride() + v * n), hn::Zero(tag));
    }
  }

  HWY_INLINE void sum(const Row<Real, kVectors>& row, Index count, Row<Real, kVectors>& sums) const {
    const auto& a = row.values;
    const Vec<Real> before = hn::TableLookupLanes(a[count - 1], up_);
    const Vec<Real> behind = hn::TableLookupLanes(a[0], down_);
    for (Index v = 0; v < count; ++v) {
      const Vec<Real> left = v > 0 ? a[v - 1] : before;
      const Vec<Real> right = v + 1 < count ? a[v + 1] : behind;
      const Vec<Real> two = hn::IfThenElse(left_[v], hn::Add(a[v], left), a[v]);
      sums.values[v] = hn::IfThenElse(right_[v], hn::Add(two, right), two);
    }
  }

  /// What moves every lane by `by` lanes down, around the ends.
  static auto rotation(Index by) {
    using Place = hwy::MakeSigned<Real>;
    const Index n = lanes<Real>();
    HWY_ALIGN Place from[HWY_MAX_BYTES / sizeof(Real)];
    for (Index i = 0; i < n; ++i) from[i] = static_cast<Place>(((i + by) % n + n) % n);
    return hn::SetTableIndices(Tag<Real>(), from);
  }

 private:
  Mask<Real> left_[Row<Real, kVectors>::capacity];
  Mask<Real> right_[Row<Real, kVectors>::capacity];
  decltype(rotation(1)) up_ = rotation(-1);
  decltype(rotation(1)) down_ = rotation(1);
};

/// Runs over the rows: `front(at, v, k, t)` makes register v of both kernels, which are written as they are
/// or summed along the row. The rows that front reads may be those below the ones that are written.
template <class Real, int kVectors, bool kNtk, bool kSum, class Front>
class Run {
 public:
  Run(const PlanePlace<Real>& place, const Front& front, const PlaneRows<Real>& out)
      : place_(place), front_(front), out_(out) {}

  void operator()() const {
    // Of their own, so that what is written cannot be taken for them.
    const Front front = front_;
    const PlaneRows<Real> out = out_;
    const Neighbours<Real, kVectors> neighbours(place_);
    const Index count = count_of<kVectors>(place_.layout);
    for (const Stretch& stretch : stretches(place_.layout, place_.offset)) {
      if (stretch.begin == stretch.end) continue;
      const auto edge = [&](Index y) {
        row(front, neighbours, count, out,
            At<false>{y, y + stretch.down, y == stretch.begin, y + 1 == stretch.end});
      };
      edge(stretch.begin);
      for (Index y = stretch.begin + 1; y + 1 < stretch.end; ++y)
        row(front, neighbours, count, out, At<true>{y, y + stretch.down, false, false});
      if (stretch.begin + 1 < stretch.end) edge(stretch.end - 1);
    }
  }

 private:
  template <bool kInside>
  HWY_INLINE static void row(const Front& front, const Neighbours<Real, kVectors>& neighbours, Index count,
                             const PlaneRows<Real>& out, const At<kInside>& at) {
    const Tag<Real> tag;
    const Index n = lanes<Real>();
    const Index here = at.y * count * n;
    Row<Real, kVectors> k, t, k_sums, t_sums;
    for (Index v = 0; v < count; ++v) front(at, v, k.values[v], t.values[v]);
    if constexpr (kSum) {
      neighbours.sum(k, count, k_sums);
      if constexpr (kNtk) neighbours.sum(t, count, t_sums);
    }
    for (Index v = 0; v < count; ++v) {
      hn::Store(kSum ? k_sums.values[v] : k.values[v], tag, out.nngp + here + v * n);
      if constexpr (kNtk) hn::Store(kSum ? t_sums.values[v] : t.values[v], tag, out.ntk + here + v * n);
    }
  }

  const PlanePlace<Real>& place_;
  const Front& front_;
  const PlaneRows<Real>& out_;
};

template <class Real, int kVectors, bool kNtk, bool kSum, class Front>
void run(const PlanePlace<Real>& place, const Front& front, const PlaneRows<Real>& out) {
  Run<Real, kVectors, kNtk, kSum, Front>(place, front, out)();
}

/// Calls use(std::bool_constant...) for run-time truths, and with the number of registers of a row.
template <class Use>
void with_bool(bool truth, const Use& use) {
  if (truth)
    use(std::true_type());
  else
    use(std::false_type());
}

template <class Use>
void with_vectors(Index vectors, const Use& use) {
  if (vectors == 1)
    use(std::integral_constant<int, 1>());
  else if (vectors == 2)
    use(std::integral_constant<int, 2>());
  else if (vectors == 4)
    use(std::integral_constant<int, 4>());
  else
    use(std::integral_constant<int, 0>());
}

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

/// Adds what lies j columns further to each value of a row, where the links say so (all, if null).
template <class Real>
void add_shifted(const PlaneLayout& layout, const Real* row, Index j, const Real* links, Real* sums) {
  const Tag<Real> tag;
  const Index n = lanes<Real>();
  for (Index v = 0; v < layout.vectors; ++v) {
    const Index from = ((v + j) % layout.vectors + layout.vectors) % layout.vectors;
    const Index by = (v + j - from) / layout.vectors;
    const Vec<Real> value =
        hn::TableLookupLanes(hn::Load(tag, row + from * n), Neighbours<Real, 0>::rotation(by));
    const Vec<Real> sum = hn::Load(tag, sums + v * n);
    const Mask<Real> linked =
        links == nullptr ? hn::Eq(sum, sum) : hn::Ne(hn::Load(tag, links + v * n), hn::Zero(tag));
    hn::Store(hn::Add(sum, hn::IfThenElseZero(linked, value)), tag, sums + v * n);
  }
}

template <class Real>
void window(const PlanePlace<Real>& place, Index size, const Real* in, Real* out) {
  const PlaneLayout& layout = place.layout;
  const Index stride = layout.stride();
  const Index reach = size / 2;
  HWY_ALIGN Real column[most_vectors * HWY_MAX_BYTES / sizeof(Real)];
  for (const Stretch& stretch : stretches(layout, place.offset))
    for (Index y = stretch.begin; y < stretch.end; ++y) {
      const Index first = std::max(y - reach, stretch.begin);
      const Index last = std::min(y + reach, stretch.end - 1);
      std::copy_n(in + first * stride, stride, column);
      for (Index row = first + 1; row <= last; ++row)
        for (Index i = 0; i < stride; ++i) column[i] += in[row * stride + i];
      Real* const sums = out + y * stride;
      std::copy_n(column, stride, sums);
      for (Index j = 1; j <= reach; ++j) {
        add_shifted(layout, column, -j, place.links + (2 * j - 2) * stride, sums);
        add_shifted(layout, column, j, place.links + (2 * j - 1) * stride, sums);
      }
    }
}

template <class Real>
void circular_window(const PlanePlace<Real>& place, Index size, const Real* in, Real* out) {
  const PlaneLayout& layout = place.layout;
  const Index stride = layout.stride();
  const Index reach = size / 2;
  const auto around = [](Index i, Index n) { return (i % n + n) % n; };
  HWY_ALIGN Real column[most_vectors * HWY_MAX_BYTES / sizeof(Real)];
  for (Index y = 0; y < layout.height; ++y) {
    std::fill_n(column, stride, Real(0));
    for (Index i = -reach; i <= reach; ++i) {
      const Real* const row = in + around(y + i, layout.height) * stride;
      for (Index p = 0; p < stride; ++p) column[p] += row[p];
    }
    Real* const sums = out + y * stride;
    std::copy_n(column, stride, sums);
    for (Index j = -reach; j <= reach; ++j) {
      if (j == 0) continue;
      if (layout.width == stride)
        add_shifted<Real>(layout, column, j, nullptr, sums);
      else
        for (Index x = 0; x < layout.width; ++x)
          sums[layout.slot(x)] += column[layout.slot(around(x + j, layout.width))];
    }
  }
}

template <class Real>
void weights(const PlaneLayout& layout, Real weight, Real bias, const PlaneRows<Real>& rows) {
  for (Index i = 0; i < layout.size(); ++i) rows.nngp[i] = weight * rows.nngp[i] + bias;
  if (rows.ntk != nullptr)
    for (Index i = 0; i < layout.size(); ++i) rows.ntk[i] = rows.nngp[i] + weight * rows.ntk[i];
}

template <class Real>
void norm(const PlanePlace<Real>& place, const PairNumbers<Real>& numbers, const PlaneRows<Real>& rows) {
  const Tag<Real> tag;
  const Index n = lanes<Real>();
  const ShiftedRows<Real, 0> shifted(place, numbers.shifted);
  for (const Stretch& stretch : stretches(place.layout, place.offset))
    for (Index y = stretch.begin; y < stretch.end; ++y)
      for (Index v = 0; v < place.layout.vectors; ++v) {
        const Index here = y * place.layout.stride() + v * n;
        const Vec<Real> factor =
            hn::Mul(hn::Load(tag, numbers.plain + here), hn::LoadU(tag, shifted.place(y + stretch.down, v)));
        for (Real* const values : {rows.nngp, rows.ntk})
          if (values != nullptr) hn::Store(hn::Mul(factor, hn::Load(tag, values + here)), tag, values + here);
      }
}

template <class Real>
void add_rows(const PlaneLayout& layout, const Real* values, Real* const* targets) {
  const Tag<Real> tag;
  for (Index y = 0; y < layout.height; ++y) {
    if (targets[y] == nullptr) continue;
    const Real* const from = values + y * layout.stride();
    for (Index i = 0; i < layout.stride(); i += lanes<Real>())
      hn::Store(hn::Add(hn::Load(tag, targets[y] + i), hn::Load(tag, from + i)), tag, targets[y] + i);
  }
}

template <class Real>
void add_piece(Index rows, Index width, const Real* from, Index from_stride, Real* to, Index to_stride) {
  const Tag<Real> tag;
  const Index whole = width - width % lanes<Real>();
  for (Index r = 0; r < rows; ++r, from += from_stride, to += to_stride) {
    for (Index i = 0; i < whole; i += lanes<Real>())
      hn::StoreU(hn::Add(hn::LoadU(tag, to + i), hn::LoadU(tag, from + i)), tag, to + i);
    for (Index i = whole; i < width; ++i) to[i] += from[i];
  }
}

template <class Real>
double sum(const PlaneLayout& layout, const Real* values) {
  const Tag<Real> tag;
  const Index n = lanes<Real>();
  HWY_ALIGN Real columns[HWY_MAX_BYTES / sizeof(Real)] = {};
  double total = 0;
  // Few values a lane are added up in Real: their sum keeps its digits.
  for (Index v = 0; v < layout.vectors; ++v) {
    const Index used = ceil_div(layout.width - v, layout.vectors);
    for (Index y = 0; y < layout.height;) {
      const Index end = std::min(y + 4, layout.height);
      Vec<Real> column = hn::Zero(tag);
      for (; y < end; ++y) column = hn::Add(column, hn::Load(tag, values + y * layout.stride() + v * n));
      hn::Store(column, tag, columns);
      for (Index i = 0; i < used; ++i) total += static_cast<double>(columns[i]);
    }
  }
  return total;
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
