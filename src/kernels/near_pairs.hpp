#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "src/base/matrix_view.hpp"

namespace widegram::kernels {

/// Collects the pairs of a block whose correlation comes so near to +-1 that 1 - |rho| keeps too few digits,
/// and those where a variance is zero. A pair is found for what it is alone.
template <class Real>
class NearPairs {
 public:
  /// |rho| from which on a pair is near: a float32 still has four digits of 1 - |rho| there, which a kink's
  /// dual, through its square root, turns into six of its own.
  static constexpr Real threshold = Real(1) - Real(1) / Real(1024);

  /// Starts anew on a block of which the first rows x cols count.
  void reset(Index rows, Index cols);

  /// Adds the near ones among pairs of covariance K(i, j) whose members have standard deviations rows[i],
  /// cols[j].
  void scan(MatrixView<const Real> nngp, const Real* row_roots, const Real* col_roots);

  /// (row, column), each pair once, in the order of their finding.
  const std::vector<std::pair<Index, Index>>& pairs() const { return pairs_; }

 private:
  Index rows_ = 0;
  Index cols_ = 0;
  std::vector<std::uint8_t> found_;  ///< rows_ x cols_
  std::vector<std::pair<Index, Index>> pairs_;
};

}  // namespace widegram::kernels
