#pragma once

#include <petscsys.h>

#include <algorithm>
#include <cmath>

#include "src/base/matrix.hpp"
#include "src/dist/redistribute.hpp"
#include "src/mpi/petsc.hpp"
#include "tests/support/petsc_option.hpp"

/// LAPACK on one rank: the reference.
extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dpotrs_(const char* uplo, const int* n, const int* nrhs, const double* a, const int* lda, double* b,
             const int* ldb, int* info);
}

namespace widegram::solvers {

/// Sizes that make ranks idle, blocks short and one block the whole matrix.
struct Size {
  GlobalIndex n;
  Index block;
};
inline constexpr Size sizes[] = {{1, 4}, {4, 4}, {23, 4}, {65, 8}, {10, 64}, {150, 16}};

/// Points on a line, unevenly spaced.
inline double point(GlobalIndex i) {
  return static_cast<double>(i) + 0.3 * std::sin(static_cast<double>(3 * i));
}

/// A Gram matrix that is well conditioned: an exponential kernel plus a little on the diagonal.
inline double gram_entry(GlobalIndex i, GlobalIndex j) {
  return std::exp(-0.5 * std::abs(point(i) - point(j))) + (i == j ? 0.1 : 0.0);
}

inline double target_entry(GlobalIndex i, GlobalIndex k) {
  return std::sin(static_cast<double>(i * (k + 1)) / 7.0 + 1.0);
}

template <class F>
Matrix<double> filled(GlobalIndex rows, GlobalIndex cols, F&& f) {
  Matrix<double> a(rows, cols);
  for (GlobalIndex j = 0; j < cols; ++j)
    for (GlobalIndex i = 0; i < rows; ++i) a(i, j) = f(i, j);
  return a;
}

inline dist::DistributedMatrix<double> distributed(const dist::ProcessGrid& grid, const Matrix<double>& whole,
                                                   Index block) {
  dist::DistributedMatrix<double> a(grid, whole.rows(), whole.cols(), block);
  dist::scatter<double>(whole.view(), a);
  return a;
}

/// LAPACK's word on A + ridge I: 0, or the leading minor that fails.
inline int lapack_factor(Matrix<double>& a, double ridge) {
  for (Index i = 0; i < a.rows(); ++i) a(i, i) += ridge;
  const int n = static_cast<int>(a.rows());
  int info = 0;
  dpotrf_("L", &n, a.data(), &n, &info);
  return info;
}

inline Matrix<double> lapack_solve(Matrix<double> a, double ridge, Matrix<double> b) {
  lapack_factor(a, ridge);
  const int n = static_cast<int>(a.rows());
  const int k = static_cast<int>(b.cols());
  int info = 0;
  dpotrs_("L", &n, &k, a.data(), &n, b.data(), &n, &info);
  return b;
}

inline double largest_difference(const Matrix<double>& a, const Matrix<double>& b) {
  double largest = 0;
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) largest = std::max(largest, std::abs(a(i, j) - b(i, j)));
  return largest;
}

using widegram::test::PetscOption;

}  // namespace widegram::solvers
