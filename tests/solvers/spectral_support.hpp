#pragma once

#include <vector>

#include "solvers/lapack.hpp"
#include "tests/solvers/support.hpp"

namespace widegram::solvers {

/// LAPACK's eigenvalues, ascending, and eigenvectors.
struct DenseEigen {
  std::vector<double> values;
  Matrix<double> vectors;
};

inline DenseEigen dense_eigen(Matrix<double> a) {
  const int n = static_cast<int>(a.rows());
  std::vector<double> values(static_cast<std::size_t>(n));
  const int length = 1 + 6 * n + 2 * n * n;
  const int integers = 3 + 5 * n;
  std::vector<double> work(static_cast<std::size_t>(length));
  std::vector<int> integer_work(static_cast<std::size_t>(integers));
  int info = 0;
  dsyevd_("V", "L", &n, a.data(), &n, values.data(), work.data(), &length, integer_work.data(), &integers,
          &info);
  return {std::move(values), std::move(a)};
}

/// V diag(f(values)) V^T B.
template <class F>
Matrix<double> dense_function(const DenseEigen& e, F&& f, const Matrix<double>& b) {
  const Index n = b.rows();
  Matrix<double> z(n, b.cols());
  for (Index k = 0; k < b.cols(); ++k)
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < n; ++i) z(j, k) += e.vectors(i, j) * b(i, k);
      z(j, k) *= f(e.values[static_cast<std::size_t>(j)]);
    }
  Matrix<double> out(n, b.cols());
  for (Index k = 0; k < b.cols(); ++k)
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < n; ++i) out(i, k) += e.vectors(i, j) * z(j, k);
  return out;
}

/// A without row and column i, or B without row i.
inline Matrix<double> without(const Matrix<double>& a, Index row, Index col) {
  return filled(a.rows() - 1, col < 0 ? a.cols() : a.cols() - 1,
                [&](Index i, Index j) { return a(i < row ? i : i + 1, col < 0 || j < col ? j : j + 1); });
}

inline double largest_of(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = a.size() == b.size() ? 0.0 : HUGE_VAL;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

/// Two samples are one and the same: singular without a ridge.
inline Matrix<double> gram_with_duplicates(GlobalIndex n) {
  const auto original = [n](GlobalIndex i) { return i == n - 1 ? 0 : i; };
  return filled(n, n, [&](GlobalIndex i, GlobalIndex j) {
    return std::exp(-0.5 * std::abs(point(original(i)) - point(original(j))));
  });
}

}  // namespace widegram::solvers
