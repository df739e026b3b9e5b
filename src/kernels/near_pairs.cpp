#include "src/kernels/near_pairs.hpp"

#include <cmath>

namespace widegram::kernels {

template <class Real>
void NearPairs<Real>::reset(Index rows, Index cols) {
  rows_ = rows;
  cols_ = cols;
  found_.assign(static_cast<std::size_t>(rows * cols), 0);
  pairs_.clear();
}

template <class Real>
void NearPairs<Real>::scan(MatrixView<const Real> nngp, const Real* row_roots, const Real* col_roots) {
  for (Index j = 0; j < cols_; ++j) {
    const Real* k = nngp.column(j);
    const Real bound = threshold * col_roots[j];
    int any = 0;  // most columns have none: this loop runs in vector registers
    for (Index i = 0; i < rows_; ++i) any |= static_cast<int>(std::abs(k[i]) >= bound * row_roots[i]);
    if (any == 0) continue;
    for (Index i = 0; i < rows_; ++i) {
      std::uint8_t& found = found_[static_cast<std::size_t>(i + j * rows_)];
      if (found != 0 || std::abs(k[i]) < bound * row_roots[i]) continue;
      found = 1;
      pairs_.emplace_back(i, j);
    }
  }
}

template class NearPairs<float>;
template class NearPairs<double>;

}  // namespace widegram::kernels
