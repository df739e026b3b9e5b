#include "src/kernels/dual_cut_pairs.hpp"

#include <algorithm>
#include <cmath>

#include "src/kernels/dual_members.hpp"
#include "src/kernels/dual_quadrature.hpp"

namespace widegram::kernels {
namespace {

template <class Real>
bool any_cut(SideView<Real> side) {
  const Real* const inverse = side.number(SeriesHead::inverse_root);
  const Real* const root = side.number(SeriesHead::root_unless_cut);
  for (Index i = 0; i < side.count; ++i)
    if (root[i] == 0 && inverse[i] > 0) return true;
  return false;
}

/// Tells for the rows of one column whether their correlation is beyond the reach of their series.
template <class Real>
struct BeyondReach {
  const Real *covariance, *inverse, *root, *reach;
  Real col_inverse, col_root, col_reach;

  BeyondReach(SideView<Real> rows, SideView<Real> cols, const Real* covariances, Index j)
      : covariance(covariances),
        inverse(rows.number(SeriesHead::inverse_root)),
        root(rows.number(SeriesHead::root_unless_cut)),
        reach(rows.number(SeriesHead::reach)),
        col_inverse(cols.number(SeriesHead::inverse_root)[j]),
        col_root(cols.number(SeriesHead::root_unless_cut)[j]),
        col_reach(cols.number(SeriesHead::reach)[j]) {}

  Real correlation(Index i) const { return covariance[i] * inverse[i] * col_inverse; }
  int operator()(Index i) const {
    return static_cast<int>(std::abs(correlation(i)) > reach[i] * col_reach) &
           static_cast<int>(root[i] == 0 || col_root == 0);
  }
};

}  // namespace

template <class Real>
CutPairs<Real>::CutPairs(const NumericalFunction& function, SideView<Real> rows, SideView<Real> cols,
                         MatrixView<const Real> nngp, MatrixView<const Real> ntk) {
  if (!any_cut(rows) && !any_cut(cols)) return;
  for (Index j = 0; j < nngp.cols; ++j) {
    const BeyondReach<Real> beyond(rows, cols, nngp.column(j), j);
    int any = 0;  // most columns have none: this loop runs in vector registers
    for (Index i = 0; i < nngp.rows; ++i) any |= beyond(i);
    if (any == 0) continue;
    for (Index i = 0; i < nngp.rows; ++i) {
      if (beyond(i) == 0) continue;
      const double rho = std::clamp(static_cast<double>(beyond.correlation(i)), -1.0, 1.0);
      const DualDiagonal dual = dual_by_quadrature(function, 1 / static_cast<double>(beyond.inverse[i]),
                                                   1 / static_cast<double>(beyond.col_inverse), rho);
      pairs_.push_back({i, j, dual, ntk.empty() ? Real{0} : ntk(i, j)});
    }
  }
}

template <class Real>
void CutPairs<Real>::put(MatrixView<Real> nngp, MatrixView<Real> ntk) const {
  for (const Pair& pair : pairs_) {
    nngp(pair.row, pair.col) = static_cast<Real>(pair.dual.value);
    if (!ntk.empty()) ntk(pair.row, pair.col) = static_cast<Real>(pair.dual.derivative) * pair.tangent;
  }
}

template class CutPairs<float>;
template class CutPairs<double>;

}  // namespace widegram::kernels
