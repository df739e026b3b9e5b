// What happens to planes value by value or window by window, without the built-in 3 x 3 sums. Included as
// plane_rows.inl is.

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
  const Index stride = layout.stride();
  for (Index y = 0, end = 0; y < layout.height; y = end) {
    for (end = y + 1; end < layout.height && targets[end] == targets[y];) ++end;
    if (targets[y] == nullptr) continue;
    for (Index i = 0; i < stride; i += lanes<Real>()) {
      Vec<Real> sum = hn::Load(tag, targets[y] + i);
      for (Index row = y; row < end; ++row) sum = hn::Add(sum, hn::Load(tag, values + row * stride + i));
      hn::Store(sum, tag, targets[y] + i);
    }
  }
}

template <class Real>
void add_piece(Index rows, Index width, const Real* from, Index from_stride, Real* to, Index to_stride) {
  const Tag<Real> tag;
  for (Index i = 0; i < width; i += lanes<Real>()) {
    const Mask<Real> inside = hn::FirstN(tag, static_cast<std::size_t>(width - i));
    for (Index r = 0; r < rows; ++r) {
      const Vec<Real> piece = hn::IfThenElseZero(inside, hn::LoadU(tag, from + r * from_stride + i));
      Real* const sum = to + r * to_stride + i;
      hn::StoreU(hn::Add(hn::LoadU(tag, sum), piece), tag, sum);
    }
  }
}

/// Lanes [i, i + those of a register of doubles) of what was stored.
template <class Real>
HWY_INLINE Vec<double> doubles(const Real* stored, Index i) {
  const Tag<double> tag;
  if constexpr (std::is_same_v<Real, double>)
    return hn::Load(tag, stored + i);
  else
    return hn::PromoteTo(tag, hn::Load(hn::Rebind<Real, Tag<double>>(), stored + i));
}

template <class Real>
double sum(const PlaneLayout& layout, const Real* values) {
  const Tag<Real> tag;
  const Index n = lanes<Real>();
  HWY_ALIGN Real column[HWY_MAX_BYTES / sizeof(Real)];
  Vec<double> total = hn::Zero(Tag<double>());
  // Few values a lane are added up in Real: their sum keeps its digits.
  for (Index v = 0; v < layout.vectors; ++v) {
    const Mask<Real> used =
        hn::FirstN(tag, static_cast<std::size_t>(ceil_div(layout.width - v, layout.vectors)));
    for (Index y = 0; y < layout.height;) {
      const Index end = std::min(y + 4, layout.height);
      Vec<Real> four = hn::Zero(tag);
      for (; y < end; ++y) four = hn::Add(four, hn::Load(tag, values + y * layout.stride() + v * n));
      hn::Store(hn::IfThenElseZero(used, four), tag, column);
      for (Index i = 0; i < n; i += lanes<double>()) total = hn::Add(total, doubles(column, i));
    }
  }
  return hn::GetLane(hn::SumOfLanes(Tag<double>(), total));
}
