// Planes as vectors of one target see them, and the loop over a plane's rows. Included inside the namespace
// of each vector target (plane_passes.cpp), so without guard or namespace; hn is Highway's namespace there.

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
