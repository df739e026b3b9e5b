// Planes as vectors of one target see them, and the loop over a plane's rows. Included inside the namespace
// of each vector target (plane_arccos.cpp, plane_passes.cpp), so without guard or namespace; hn is Highway's
// namespace there.

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

/// Row y of the first image, which meets row shifted_y of the second, and where it lies in its stretch.
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

/// What is added up for one row of a plane: itself and, where rows are sums of a row, its neighbours in the
/// stretch; else zeros, for a choice of pointers costs less than code for each case, of which there would be
/// a hundred.
template <class Real>
class ThreeRows {
 public:
  HWY_INLINE ThreeRows(const Real* rows, Index stride, const At& at, Rows found)
      : here_(rows + at.y * stride),
        above_(found == Rows::row_summed && !at.first ? here_ - stride : zeros<Real>()),
        below_(found == Rows::row_summed && !at.last ? here_ + stride : zeros<Real>()) {}

  HWY_INLINE Vec<Real> read(Index place) const {
    const Tag<Real> tag;
    return hn::Add(hn::Add(hn::Load(tag, here_ + place), hn::Load(tag, above_ + place)),
                   hn::Load(tag, below_ + place));
  }

 private:
  const Real* here_;
  const Real* above_;
  const Real* below_;
};

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

/// Runs over the rows: `front(at, k, t)` makes one of both kernels, which are written as they are or summed
/// along the row. The rows that it reads may be those below the ones that are written.
template <class Real, int kVectors, bool kNtk, class Front>
void run(const PlanePlace<Real>& place, const Front& given_front, Rows leave,
         const PlaneRows<Real>& given_out) {
  // Of their own, so that what is written cannot be taken for them.
  const Front front = given_front;
  const PlaneRows<Real> out = given_out;
  const Neighbours<Real, kVectors> neighbours(place);
  const Tag<Real> tag;
  const Index n = lanes<Real>();
  const Index count = count_of<kVectors>(place.layout);
  const auto write = [&](const Row<Real, kVectors>& row, Real* to) {
    for (Index v = 0; v < count; ++v) hn::Store(row.values[v], tag, to + v * n);
  };
  for (const Stretch& stretch : stretches(place.layout, place.offset))
    for (Index y = stretch.begin; y < stretch.end; ++y) {
      Row<Real, kVectors> k, t;
      front(At{y, y + stretch.down, y == stretch.begin, y + 1 == stretch.end}, k, t);
      const Index here = y * count * n;
      if (leave == Rows::row_summed) {
        Row<Real, kVectors> sums;
        neighbours.sum(k, count, sums);
        write(sums, out.nngp + here);
        if constexpr (kNtk) {
          neighbours.sum(t, count, sums);
          write(sums, out.ntk + here);
        }
      } else {
        write(k, out.nngp + here);
        if constexpr (kNtk) write(t, out.ntk + here);
      }
    }
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
void with_vectors([[maybe_unused]] Index vectors, const Use& use) {
#if HWY_TARGET != HWY_SCALAR  // whose registers hold one value: rows of four are too short for their own code
  if (vectors == 1) return use(std::integral_constant<int, 1>());
  if (vectors == 2) return use(std::integral_constant<int, 2>());
  if (vectors == 4) return use(std::integral_constant<int, 4>());
#endif
  use(std::integral_constant<int, 0>());
}
