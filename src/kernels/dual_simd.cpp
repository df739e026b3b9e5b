#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <variant>
#include <vector>

#include "src/kernels/activation_functions.hpp"
#include "src/kernels/dual.hpp"
#include "src/kernels/dual_arccos.hpp"
#include "src/kernels/dual_members.hpp"
#include "src/kernels/series.hpp"
#include "src/kernels/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/kernels/dual_simd.cpp"
// Highway wants this order.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace widegram::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#include "src/kernels/dual_formulas.inl"

/// The maths of dual_formulas.inl on vectors.
template <class Real>
class Lanes {
 public:
  using Tag = hn::ScalableTag<Real>;
  using Value = hn::Vec<Tag>;

  static std::size_t count() { return hn::Lanes(Tag()); }

  HWY_INLINE Value set(double x) const { return hn::Set(Tag(), static_cast<Real>(x)); }
  HWY_INLINE Value abs(Value x) const { return hn::Abs(x); }
  HWY_INLINE Value min(Value x, Value y) const { return hn::Min(x, y); }
  HWY_INLINE Value max(Value x, Value y) const { return hn::Max(x, y); }
  HWY_INLINE Value sqrt(Value x) const { return hn::Sqrt(x); }
  HWY_INLINE Value mul_add(Value x, Value y, Value z) const { return hn::MulAdd(x, y, z); }
  HWY_INLINE Value atan(Value x) const { return hn::Atan(Tag(), x); }
  HWY_INLINE Value choose_negative(Value x, Value yes, Value no) const {
    return hn::IfNegativeThenElse(x, yes, no);
  }

  /// hn::Exp is valid up to this exponent only.
  HWY_INLINE Value exp(Value x) const {
    const Value limit = set(sizeof(Real) == 4 ? 88.7 : 706.0);
    return hn::IfThenElse(hn::Gt(x, limit), hn::Set(Tag(), std::numeric_limits<Real>::infinity()),
                          hn::Exp(Tag(), hn::Min(x, limit)));
  }
  HWY_INLINE Value one_minus_exp(Value x) const { return hn::Neg(hn::Expm1(Tag(), hn::Neg(x))); }

  HWY_INLINE Value arccos(Value distance, Value sine) const {
    const auto& q = ArccosOverRoot<Real>::coefficients;
    Value sum = hn::Set(Tag(), q[q.size() - 1]);
    for (std::size_t k = q.size() - 1; k-- > 0;) sum = hn::MulAdd(sum, distance, hn::Set(Tag(), q[k]));
    return sine * sum;
  }

  HWY_INLINE Value linear_term(Index k) const { return term(sums_.linear, k); }
  HWY_INLINE Value square_term(Index k) const { return term(sums_.square, k); }
  HWY_INLINE Value cubic_term(Index k) const { return term(sums_.cubic, k); }

 private:
  HWY_INLINE static Value term(const typename KinkSums<Real>::Coefficients& coefficients, Index k) {
    return hn::Set(Tag(), coefficients[static_cast<std::size_t>(k)]);
  }

  const KinkSums<Real>& sums_ = kink_sums<Real>();
};

template <class Real>
struct RowMembers {
  const Real* values;
  Index stride;
  HWY_INLINE auto operator()(Index k) const {
    return hn::LoadU(hn::ScalableTag<Real>(), values + k * stride);
  }
};

template <class Real>
struct ColMember {
  const Real* values;
  Index stride;
  HWY_INLINE auto operator()(Index k) const { return hn::Set(hn::ScalableTag<Real>(), values[k * stride]); }
};

/// All entries of a block whose rows fill whole vectors, with one dual.
template <class Real>
struct Apply {
  Lanes<Real> maths;
  SideView<Real> rows, cols;
  MatrixView<Real> nngp, ntk;

  template <class Dual>
  void operator()(const Dual& dual) const {
    if (ntk.empty())
      pairs<false>(dual);
    else
      pairs<true>(dual);
  }

 private:
  static Index step() { return static_cast<Index>(Lanes<Real>::count()); }

  template <bool with_ntk, class Dual>
  void pairs(const Dual& dual) const {
    if constexpr (Dual::has_long_members)
      packed_block<with_ntk>(dual);
    else
      block<with_ntk>(dual);
  }

  /// Members of a few numbers are read where they lie.
  template <bool with_ntk, class Dual>
  void block(const Dual& dual) const {
    for (Index j = 0; j < nngp.cols; ++j) {
      const ColMember<Real> col{cols.values + j, cols.stride};
      for (Index i = 0; i < nngp.rows; i += step())
        entries<with_ntk>(dual, RowMembers<Real>{rows.values + i, rows.stride}, col, i, j);
    }
  }

  /// Members of hundreds of numbers are packed first: a vector of rows stays in the first-level cache while
  /// all columns pass.
  template <bool with_ntk, class Dual>
  void packed_block(const Dual& dual) const {
    const Packed<Real> packed_rows(rows, step());
    const Packed<Real> packed_cols(cols, 1);
    for (Index i = 0; i < nngp.rows; i += step()) {
      const RowMembers<Real> row{packed_rows.data() + i * rows.width, step()};
      for (Index j = 0; j < nngp.cols; ++j)
        entries<with_ntk>(dual, row, ColMember<Real>{packed_cols.data() + j * cols.width, 1}, i, j);
    }
  }

  template <bool with_ntk, class Dual>
  HWY_INLINE void entries(const Dual& dual, const RowMembers<Real>& row, const ColMember<Real>& col, Index i,
                          Index j) const {
    const hn::ScalableTag<Real> tag;
    Real* const k = nngp.column(j) + i;
    const auto pair = dual(maths, row, hn::LoadU(tag, k), col);
    hn::StoreU(pair.value, tag, k);
    if constexpr (with_ntk) {
      Real* const t = ntk.column(j) + i;
      hn::StoreU(hn::LoadU(tag, t) * pair.derivative, tag, t);
    }
  }
};

/// The same on runs of pairs: both members' numbers are vectors.
template <class Real>
struct ApplyPaired {
  Lanes<Real> maths;
  SideView<Real> rows, cols;
  Real *nngp, *ntk;
  PairedRuns runs;

  template <class Dual>
  void operator()(const Dual& dual) const {
    const hn::ScalableTag<Real> tag;
    for (Index r = 0; r < runs.runs; ++r) {
      Real* const k = nngp + r * runs.step;
      const auto pair =
          dual(maths, RowMembers<Real>{rows.values + r * runs.row_step, rows.stride}, hn::LoadU(tag, k),
               RowMembers<Real>{cols.values + r * runs.col_step, cols.stride});
      hn::StoreU(pair.value, tag, k);
      if (ntk == nullptr) continue;
      Real* const t = ntk + r * runs.step;
      hn::StoreU(hn::LoadU(tag, t) * pair.derivative, tag, t);
    }
  }
};

template <class Real>
void apply_paired(const Activation& activation, SideView<Real> rows, SideView<Real> cols, Real* nngp,
                  Real* ntk, const PairedRuns& runs) {
  const ApplyPaired<Real> use{{}, rows, cols, nngp, ntk, runs};
  std::visit(ForActivation<Lanes<Real>, ApplyPaired<Real>>{use.maths, rows.width, cols.width, use},
             activation);
}

void apply_paired_float(const Activation& activation, SideView<float> rows, SideView<float> cols, float* nngp,
                        float* ntk, const PairedRuns& runs) {
  apply_paired<float>(activation, rows, cols, nngp, ntk, runs);
}

void apply_paired_double(const Activation& activation, SideView<double> rows, SideView<double> cols,
                         double* nngp, double* ntk, const PairedRuns& runs) {
  apply_paired<double>(activation, rows, cols, nngp, ntk, runs);
}

template <class Real>
void apply_whole(const Activation& activation, SideView<Real> rows, SideView<Real> cols,
                 MatrixView<Real> nngp, MatrixView<Real> ntk) {
  const Apply<Real> use{{}, rows, cols, nngp, ntk};
  std::visit(ForActivation<Lanes<Real>, Apply<Real>>{use.maths, rows.width, cols.width, use}, activation);
}

/// Rows that do not fill a vector are copied into one, beside zeros: the same operations work on both, so
/// that an entry's bits do not depend on where a block ends.
template <class Real>
void apply(const Activation& activation, SideView<Real> rows, SideView<Real> cols, MatrixView<Real> nngp,
           MatrixView<Real> ntk) {
  const Index step = static_cast<Index>(Lanes<Real>::count());
  const Range whole{0, nngp.rows - nngp.rows % step};
  const Range rest{whole.end, nngp.rows};
  const Range all{0, nngp.cols};
  if (whole.size() > 0)
    apply_whole(activation, members(rows, whole), cols, nngp.block(whole, all),
                ntk.empty() ? ntk : ntk.block(whole, all));
  if (rest.size() == 0) return;
  const std::vector<Real> last_rows = pack(members(rows, rest), step);
  PaddedRows<Real> last_nngp(nngp.block(rest, all), step);
  PaddedRows<Real> last_ntk(ntk.empty() ? ntk : ntk.block(rest, all), step);
  apply_whole(activation, SideView<Real>{last_rows.data(), rows.width, step, step}, cols, last_nngp.view(),
              last_ntk.view());
  last_nngp.copy_back();
  last_ntk.copy_back();
}

void apply_float(const Activation& activation, SideView<float> rows, SideView<float> cols,
                 MatrixView<float> nngp, MatrixView<float> ntk) {
  apply<float>(activation, rows, cols, nngp, ntk);
}

void apply_double(const Activation& activation, SideView<double> rows, SideView<double> cols,
                  MatrixView<double> nngp, MatrixView<double> ntk) {
  apply<double>(activation, rows, cols, nngp, ntk);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace widegram::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::kernels {
namespace {
HWY_EXPORT(apply_float);
HWY_EXPORT(apply_double);
HWY_EXPORT(apply_paired_float);
HWY_EXPORT(apply_paired_double);
HWY_EXPORT(target_name);
}  // namespace

template <>
void apply_formulas(const Activation& activation, SideView<float> rows, SideView<float> cols,
                    MatrixView<float> nngp, MatrixView<float> ntk) {
  HWY_DYNAMIC_DISPATCH(apply_float)(activation, rows, cols, nngp, ntk);
}

template <>
void apply_formulas(const Activation& activation, SideView<double> rows, SideView<double> cols,
                    MatrixView<double> nngp, MatrixView<double> ntk) {
  HWY_DYNAMIC_DISPATCH(apply_double)(activation, rows, cols, nngp, ntk);
}

template <>
void apply_dual_paired(const Activation& activation, SideView<float> rows, SideView<float> cols, float* nngp,
                       float* ntk, const PairedRuns& runs) {
  HWY_DYNAMIC_DISPATCH(apply_paired_float)(activation, rows, cols, nngp, ntk, runs);
}

template <>
void apply_dual_paired(const Activation& activation, SideView<double> rows, SideView<double> cols,
                       double* nngp, double* ntk, const PairedRuns& runs) {
  HWY_DYNAMIC_DISPATCH(apply_paired_double)(activation, rows, cols, nngp, ntk, runs);
}

std::string vector_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace widegram::kernels
#endif  // HWY_ONCE
