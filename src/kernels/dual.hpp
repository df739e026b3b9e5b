#pragma once

#include <span>
#include <string>
#include <vector>

#include "src/base/matrix_view.hpp"
#include "src/kernels/activation.hpp"

namespace widegram::kernels {

/// What an activation's dual needs to know of each member of one side of a block of pairs (its variance,
/// roots of it, series coefficients), worked out once a member: `width` numbers for each of `count` members,
/// number by number.
template <class Real>
struct SideView {
  const Real* values = nullptr;  ///< values[k * stride + i]: number k of member i
  Index width = 0;
  Index stride = 0;
  Index count = 0;

  const Real* number(Index k) const { return values + k * stride; }
};

template <class Real>
struct Side {
  Index width = 0;
  Index count = 0;
  std::vector<Real> values;  ///< values[k * count + i]: number k of member i

  SideView<Real> view() const { return view({0, count}); }
  SideView<Real> view(Range members) const {
    return {values.data() + members.begin, width, count, members.size()};
  }
};

/// Dual of the activation and of its derivative with itself where both sides are the same: E[phi(u)^2],
/// E[phi'(u)^2].
struct DualDiagonal {
  double value = 0;       ///< D(q, q, q)
  double derivative = 0;  ///< D'(q, q, q)
};

/// Exact: what D and D' are at rho = 1, without rounding near it.
DualDiagonal dual_diagonal(const Activation& activation, double variance);

/// One side of the pairs to come, from its members' variances. What it says of a member depends on that
/// member alone; variances below the smallest normal Real count as 0. Width: up to 3 numbers for closed
/// forms, three and two a term for polynomials and numerical functions (series.hpp), as many as the longest
/// series of the side needs: 1,024 terms at most. Throws Error(usage) for an unknown numerical function.
template <class Real>
Side<Real> dual_side(const Activation& activation, std::span<const double> variances);

/// Turns a block of covariances into those behind the activation, in place: K(i, j) <- D(q_i, K, q_j), and,
/// where `ntk` is not empty, T(i, j) <- D'(q_i, K, q_j) T(i, j). K and T: rows.count x cols.count,
/// column-major. |K| beyond sqrt(q_i q_j), by rounding, counts as equal to it; members without variance have
/// correlation 0. Vectorised over i (Google Highway, run-time dispatch). The bits of an entry depend neither
/// on the block's size nor on its place in it. Cost an entry, both kernels, float / double, AVX-512: relu 0.6
/// / 1.8 ns, other closed forms 1 to 3 ns, series 0.1 / 0.3 ns a term; series pack both sides first, which
/// blocks of less than 32 x 32 do not repay.
/// Numerical functions take any finite variance, to 1e-10 of sqrt(D(q_i, q_i, q_i) D(q_j, q_j, q_j)) in
/// double, 1e-6 with a kink: where the series of both members are cut (tanh: variances above 4; with a kink:
/// of one member, above 10) and |rho| is beyond what they serve (at variance 100 above 0.98, with a kink
/// 0.95), the entry is worked out by quadrature instead, 0.1 to 0.5 ms each.
template <class Real>
void apply_dual(const Activation& activation, SideView<Real> rows, SideView<Real> cols, MatrixView<Real> nngp,
                MatrixView<Real> ntk);

/// Runs of pairs, member by member: in run r, pair i lies at r * step + i of K and T, its members at r *
/// row_step + i and r
/// * col_step + i of their sides' numbers. A run is one vector register long.
struct PairedRuns {
  Index runs = 0;
  Index step = 0;
  Index row_step = 0;
  Index col_step = 0;
};

/// apply_dual() on pairs of one row member with one column member each; not for numerical functions.
template <class Real>
void apply_dual_paired(const Activation& activation, SideView<Real> rows, SideView<Real> cols, Real* nngp,
                       Real* ntk, const PairedRuns& runs);

/// The vector instructions that apply_dual() uses on this machine, e.g. "AVX3".
std::string vector_target();

/// The plain twin: one pair, in double, through the standard library's functions; numerical functions by
/// quadrature in both variables (dual_quadrature.hpp: 0.1 to 0.5 ms). Returns {D, D'}.
DualDiagonal dual_reference(const Activation& activation, double q11, double covariance, double q22);

}  // namespace widegram::kernels
