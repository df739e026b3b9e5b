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
