// The closed forms and the Hermite series, one pair (or one vector of pairs) at a time. Included inside the
// namespace of each vector target (dual_simd.cpp) and once for plain doubles (dual_reference.cpp), so without
// guard or namespace.
//
// Each class: Dual(maths, activation) hoists what all pairs share; operator()(maths, row, c, col) returns D
// and D' at covariance c, where row(k) and col(k) are number k of the pair's members (dual_members.hpp). The
// maths object carries the value type and its functions. Notation: q11, q22 the variances, P = q11 q22, S =
// q11 + q22, rho = c / sqrt(P).
//
// Sources: Cho and Saul 2009 (arc-cosine kernels), Williams 1997 (erf), Tsuchida et al. 2021 (GELU), Louart
// et al. 2018 (sine, cosine, exponential), Han et al. 2022 (the list as a whole, Hermite series).

template <class Value>
struct DualPair {
  Value value;
  Value derivative;
};

/// rho clamped into [-1, 1], with what keeps its precision near the ends.
template <class Maths>
struct Correlation {
  typename Maths::Value rho, distance, sine;  ///< rho; 1 - |rho|; sqrt(1 - rho^2)

  [[gnu::always_inline]] Correlation(const Maths& m, typename Maths::Value c,
                                     typename Maths::Value row_inverse, typename Maths::Value col_inverse) {
    const auto one = m.set(1);
    rho = m.max(m.min(c * row_inverse * col_inverse, one), m.set(-1));
    // rho of equal members is 1 up to the rounding of the two inverse roots, which the root below would blow
    // up to 1e-8: a distance of a few units in double's last place is none.
    const auto gap = one - m.abs(rho);
    distance = m.choose_negative(gap - m.set(4 * std::numeric_limits<double>::epsilon()), m.set(0), gap);
    sine = m.sqrt(distance * (m.set(2) - distance));
  }
};

/// With theta = acos(rho): D' = (a^2 + b^2)/2 - (a - b)^2 theta/(2 pi), D = (a - b)^2 sqrt(P) sin(theta)/(2
/// pi)
/// + D' c.
template <class Maths>
struct AbReluDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  Value step, low, high;  ///< (a - b)^2 / (2 pi); D' at rho = -1 and at rho = 1

  AbReluDual(const Maths& m, const AbRelu& f)
      : step(m.set((f.a - f.b) * (f.a - f.b) / (2 * std::numbers::pi))),
        low(m.set(f.a * f.b)),
        high(m.set((f.a * f.a + f.b * f.b) / 2)) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Correlation<Maths> r(m, c, row(1), col(1));
    const Value arc = step * m.arccos(r.distance, r.sine);
    const Value derivative = m.choose_negative(r.rho, low + arc, high - arc);
    return {m.mul_add(step * r.sine, row(0) * col(0), derivative * c), derivative};
  }
};

/// D = 1 - 2 theta / pi = (2 / pi) asin(rho), D' = 0.
template <class Maths>
struct SignDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  SignDual(const Maths&, const Sign&) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Correlation<Maths> r(m, c, row(1), col(1));
    return {m.set(4 / std::numbers::pi) * m.atan(r.rho / (m.set(1) + r.sine)), m.set(0)};
  }
};

/// sqrt((1 + t1)(1 + t2) - c^2) and asin(c / sqrt((1 + t1)(1 + t2))), both with their full relative
/// precision.
template <class Maths>
struct ShiftedAngle {
  using Value = typename Maths::Value;
  Value product, norm, root, angle;  ///< sqrt(t1 t2), sqrt((1 + t1)(1 + t2)); the root, the angle

  template <class Row, class Col>
  [[gnu::always_inline]] ShiftedAngle(const Maths& m, const Row& row, Value c, const Col& col) {
    product = row(0) * col(0);
    norm = row(2) * col(2);
    root = m.sqrt(row(1) + col(1) + m.max((product - c) * (product + c), m.set(0)));
    angle = m.set(2) * m.atan(c / (norm + root));
  }
};

/// R = sqrt((1 + 2 q11)(1 + 2 q22) - 4 c^2): D = (2 / pi) asin(2c / sqrt(R^2 + 4 c^2)), D' = 4 / (pi R).
template <class Maths>
struct ErfDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  ErfDual(const Maths&, const Erf&) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const ShiftedAngle<Maths> r(m, row, c + c, col);
    return {m.set(2 / std::numbers::pi) * r.angle, m.set(4 / std::numbers::pi) / r.root};
  }
};

/// With the same R: D = 1 / R, D' = 4c / R^3.
template <class Maths>
struct GaussianDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  GaussianDual(const Maths&, const Gaussian&) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const ShiftedAngle<Maths> r(m, row, c + c, col);
    const Value value = m.set(1) / r.root;
    return {value, m.set(4) * c * value * value * value};
  }
};

/// E = (1 + q11)(1 + q22), delta = sqrt(E - c^2), phi = asin(c / sqrt(E)):
/// D = c/4 + [(c^2 + P delta^2)/(E delta) + c phi]/(2 pi), D' = 1/4 + phi/(2 pi) + c/(2 pi delta) [1/delta^2
/// + (1 - P)/E + 1].
template <class Maths>
struct GeluDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  GeluDual(const Maths&, const Gelu&) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const ShiftedAngle<Maths> r(m, row, c, col);
    const Value turn = m.set(0.5 / std::numbers::pi);
    const Value quarter = m.set(0.25);
    const Value one = m.set(1);
    const Value product = r.product * r.product;
    const Value inverse_root = one / r.root;
    const Value inverse_norm = one / (r.norm * r.norm);
    const Value bulk = (c * c * inverse_root + product * r.root) * inverse_norm;
    const Value slope = inverse_root * inverse_root + (one - product) * inverse_norm + one;
    return {quarter * c + turn * (bulk + c * r.angle), quarter + turn * (r.angle + c * inverse_root * slope)};
  }
};

/// e+- = exp(-S/2 +- c), k = cos(2 phase): D = (e+ - k e-)/2, D' = (e+ + k e-)/2; through exp(|c| - S/2) and
/// 1 - exp(-2|c|), which neither cancels near c = 0 nor overflows.
template <class Maths>
struct SineDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  Value k;
  SineDual(const Maths& m, const Sine& f) : k(m.set(std::cos(2 * f.phase))) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Value one = m.set(1);
    const Value size = m.abs(c);
    const Value half = m.set(0.5) * m.exp(m.min(size - (row(0) + col(0)), m.set(0)));
    const Value gap = m.one_minus_exp(size + size);
    const Value k_gap = k * gap;
    return {half * ((one - k) + m.choose_negative(c, m.set(0) - gap, k_gap)),
            half * ((one + k) - m.choose_negative(c, gap, k_gap))};
  }
};

/// D = exp(gamma (2c - S)), D' = 2 gamma D.
template <class Maths>
struct RbfDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  Value twice_gamma;
  RbfDual(const Maths& m, const Rbf& f) : twice_gamma(m.set(2 * f.gamma)) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Value value = m.exp(m.min(twice_gamma * c - (row(0) + col(0)), m.set(0)));
    return {value, twice_gamma * value};
  }
};

/// D = D' = exp(S/2 + c).
template <class Maths>
struct ExponentialDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  ExponentialDual(const Maths&, const Exponential&) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Value value = m.exp(row(0) + col(0) + c);
    return {value, value};
  }
};

/// D = sqrt(P) exp(gamma (rho + shift)), D' = gamma exp(gamma (rho + shift)).
template <class Maths>
struct NormalizedExponentialDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = false;
  Value gamma, shift;
  NormalizedExponentialDual(const Maths& m, const NormalizedExponential& f)
      : gamma(m.set(f.gamma)), shift(m.set(f.shift)) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Correlation<Maths> r(m, c, row(1), col(1));
    const Value value = m.exp(gamma * (r.rho + shift));
    return {row(0) * col(0) * value, gamma * value};
  }
};

/// sum_n a_n(q11) a_n(q22) rho^n, even and odd powers apart so that the sums run side by side. Terms that one
/// member does not have are zeros: starting among them changes nothing.
template <class Maths>
struct SeriesDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = true;
  Index terms;  ///< even

  SeriesDual(Index row_width, Index col_width) : terms((std::min(row_width, col_width) - series_head) / 2) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    return sum(m, row, Correlation<Maths>(m, c, row(SeriesHead::inverse_root), col(SeriesHead::inverse_root)),
               col);
  }

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> sum(const Maths& m, const Row& row, const Correlation<Maths>& r,
                                             const Col& col) const {
    const Value square = r.rho * r.rho;
    Value even = m.set(0), odd = m.set(0), slope_even = m.set(0), slope_odd = m.set(0);
    for (Index n = terms - 2; n >= 0; n -= 2) {
      const Index k = series_head + 2 * n;
      even = m.mul_add(even, square, row(k) * col(k));
      slope_even = m.mul_add(slope_even, square, row(k + 1) * col(k + 1));
      odd = m.mul_add(odd, square, row(k + 2) * col(k + 2));
      slope_odd = m.mul_add(slope_odd, square, row(k + 3) * col(k + 3));
    }
    return {m.mul_add(odd, r.rho, even), m.mul_add(slope_odd, r.rho, slope_even)};
  }
};

/// The same, with what the kink's slow sums hold beyond the last term (series.hpp).
template <class Maths>
struct KinkedSeriesDual {
  using Value = typename Maths::Value;
  static constexpr bool has_long_members = true;
  SeriesDual<Maths> series;
  Value value_square, slope_linear, slope_square, slope_cubic;  ///< what the function has of each sum

  KinkedSeriesDual(const Maths& m, const std::array<double, 3>& steps, Index row_width, Index col_width)
      : series(row_width, col_width),
        value_square(m.set(steps[0] * steps[0] / 16)),
        slope_linear(m.set(steps[0] * steps[0] / 4)),
        slope_square(m.set(steps[1] * steps[1] / 16)),
        slope_cubic(m.set(steps[0] * steps[2] / 24)) {}

  template <class Row, class Col>
  [[gnu::always_inline]] DualPair<Value> operator()(const Maths& m, const Row& row, Value c,
                                                    const Col& col) const {
    const Correlation<Maths> r(m, c, row(SeriesHead::inverse_root), col(SeriesHead::inverse_root));
    const Value squared = r.rho * r.rho;
    Value linear = m.set(0), square = m.set(0), cubic = m.set(0);
    for (Index k = kinked_terms / 2 - 1; k >= 0; --k) {
      linear = m.mul_add(linear, squared, m.linear_term(k));
      square = m.mul_add(square, squared, m.square_term(k));
      cubic = m.mul_add(cubic, squared, m.cubic_term(k));
    }
    const Value scale = m.set(2 / std::numbers::pi);
    const Value angle = m.set(2) * m.atan(r.rho / (m.set(1) + r.sine));
    const Value turned = r.rho * angle;
    const Value three = m.set(3);
    const Value linear_rest = scale * (r.sine + turned) - linear;
    const Value square_rest =
        scale * (three * r.rho * r.sine + angle + m.set(2) * r.rho * turned) - square * r.rho;
    const Value cubic_rest = scale * (r.sine * (m.set(2) + squared) + three * turned) - cubic;
    const Value row_root = row(SeriesHead::root_unless_cut);
    const Value col_root = col(SeriesHead::root_unless_cut);
    const Value product = row_root * col_root;
    const Value lengths = row_root * row_root + col_root * col_root;
    const DualPair<Value> sum = series.sum(m, row, r, col);
    return {sum.value + value_square * product * product * square_rest,
            sum.derivative + product * (slope_linear * linear_rest + slope_square * product * square_rest +
                                        slope_cubic * lengths * cubic_rest)};
  }
};

/// Calls use(dual) with the class that belongs to an activation.
template <class Maths, class Use>
struct ForActivation {
  const Maths& m;
  Index row_width;
  Index col_width;
  const Use& use;

  void operator()(const AbRelu& f) const { use(AbReluDual<Maths>(m, f)); }
  void operator()(const Sign& f) const { use(SignDual<Maths>(m, f)); }
  void operator()(const Erf& f) const { use(ErfDual<Maths>(m, f)); }
  void operator()(const Gaussian& f) const { use(GaussianDual<Maths>(m, f)); }
  void operator()(const Gelu& f) const { use(GeluDual<Maths>(m, f)); }
  void operator()(const Sine& f) const { use(SineDual<Maths>(m, f)); }
  void operator()(const Rbf& f) const { use(RbfDual<Maths>(m, f)); }
  void operator()(const Exponential& f) const { use(ExponentialDual<Maths>(m, f)); }
  void operator()(const NormalizedExponential& f) const { use(NormalizedExponentialDual<Maths>(m, f)); }
  void operator()(const Polynomial&) const { use(SeriesDual<Maths>(row_width, col_width)); }
  void operator()(const Numerical& f) const {
    const NumericalFunction& function = numerical_function(f.name);
    if (function.kinked())
      use(KinkedSeriesDual<Maths>(m, function.steps, row_width, col_width));
    else
      use(SeriesDual<Maths>(row_width, col_width));
  }
};
