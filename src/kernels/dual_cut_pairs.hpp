#pragma once

#include <vector>

#include "src/base/matrix_view.hpp"
#include "src/kernels/activation_functions.hpp"
#include "src/kernels/dual.hpp"

namespace widegram::kernels {

/// The pairs of a block for which the members' cut series do not suffice (series.hpp), with their duals by
/// quadrature instead. Whether a pair is one of them, and what it gets, depends on that pair alone.
template <class Real>
class CutPairs {
 public:
  /// nngp and, where it is not empty, ntk: both kernels before the dual, rows.count x cols.count; sides:
  /// dual_side() of the numerical function.
  /// Cost: one look at every member; where one is cut, a comparison an entry and dual_by_quadrature() a pair
  /// found.
  CutPairs(const NumericalFunction& function, SideView<Real> rows, SideView<Real> cols,
           MatrixView<const Real> nngp, MatrixView<const Real> ntk);

  /// Writes the pairs' entries behind the activation.
  void put(MatrixView<Real> nngp, MatrixView<Real> ntk) const;

 private:
  struct Pair {
    Index row, col;
    DualDiagonal dual;
    Real tangent;  ///< before the dual
  };
  std::vector<Pair> pairs_;
};

}  // namespace widegram::kernels
