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
  /// nngp: covariances before the dual, rows.count x cols.count; sides: dual_side() of the numerical function.
  /// Cost: one look at every member; where one is cut, 0.5 ns an entry and dual_by_quadrature() a pair found.
  CutPairs(const NumericalFunction& function, SideView<Real> rows, SideView<Real> cols,
           MatrixView<const Real> nngp);

  /// Keeps what the entries of the tangent kernel are before the dual.
  void keep_tangents(MatrixView<const Real> ntk);

  /// Writes the pairs' entries behind the activation; ntk may be empty.
  void put(MatrixView<Real> nngp, MatrixView<Real> ntk) const;

 private:
  struct Pair {
    Index row, col;
    DualDiagonal dual;
    Real tangent;
  };
  std::vector<Pair> pairs_;
};

}  // namespace widegram::kernels
