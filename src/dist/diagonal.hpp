#pragma once

#include "src/dist/matrix.hpp"

namespace widegram::dist {

/// Calls f(i, entry (i, i)) for every diagonal entry that this rank holds, in ascending order. `Matrix` is a
/// DistributedMatrix, const or not. No communication.
template <class Matrix, class F>
void for_each_diagonal(Matrix& a, F&& f) {
  for (LocalIndex i = 0; i < a.local_rows(); ++i) {
    const GlobalIndex global = a.global_row(i);
    if (a.col_layout().owner(global) == a.grid().col())
      f(global, a.local()(i, a.col_layout().to_local(global)));
  }
}

/// Mean of the diagonal, in double. Collective over the grid.
template <class T>
double mean_diagonal(const DistributedMatrix<T>& a) {
  double sum = 0;
  for_each_diagonal(a, [&](GlobalIndex, T entry) { sum += static_cast<double>(entry); });
  return a.grid().comm().sum(sum) / static_cast<double>(a.rows());
}

}  // namespace widegram::dist
