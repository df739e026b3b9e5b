#include "src/dkm/small_algebra.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/base/error.hpp"

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* lda, int* info);
}

namespace widegram::dkm {

void multiply(double alpha, CBLAS_TRANSPOSE op_a, MatrixView<const double> a, CBLAS_TRANSPOSE op_b,
              MatrixView<const double> b, double beta, MatrixView<double> c) {
  const Index depth = op_a == CblasNoTrans ? a.cols : a.rows;
  cblas_dgemm(CblasColMajor, op_a, op_b, to_int(c.rows, "inducing points"), to_int(c.cols, "inducing points"),
              to_int(depth, "inducing points"), alpha, a.data, to_int(a.stride, "inducing points"), b.data,
              to_int(b.stride, "inducing points"), beta, c.data, to_int(c.stride, "inducing points"));
}

Gram product(const Gram& a, const Gram& b) {
  Gram c(a.rows(), b.cols());
  multiply(1, CblasNoTrans, a.view(), CblasNoTrans, b.view(), 0, c.view());
  return c;
}

Gram transposed(const Gram& a) {
  Gram b(a.cols(), a.rows());
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) b(j, i) = a(i, j);
  return b;
}

Gram symmetrised(const Gram& a) {
  Gram b(a.rows(), a.cols());
  for (Index j = 0; j < a.cols(); ++j)
    for (Index i = 0; i < a.rows(); ++i) b(i, j) = (a(i, j) + a(j, i)) / 2;
  return b;
}

void add(Gram& a, double factor, const Gram& b) {
  for (Index k = 0; k < a.rows() * a.cols(); ++k) a.data()[k] += factor * b.data()[k];
}

double dot(const Gram& a, const Gram& b) {
  double sum = 0;
  for (Index k = 0; k < a.rows() * a.cols(); ++k) sum += a.data()[k] * b.data()[k];
  return sum;
}

double trace(const Gram& a) {
  double sum = 0;
  for (Index i = 0; i < a.rows(); ++i) sum += a(i, i);
  return sum;
}

Factored factor(const Gram& a, const std::string& layer) {
  Factored result;
  const int n = to_int(a.rows(), "inducing points");
  int info = 0;
  result.lower = a;
  dpotrf_("L", &n, result.lower.data(), &n, &info);
  if (info != 0 || !std::isfinite(result.lower(n - 1, n - 1)))
    throw Error(ExitCode::numerical,
                fmt::format("the Gram of the inducing points at {} is not positive definite ({}): lower the "
                            "learning rate, raise the jitter or take fewer inducing points",
                            layer,
                            info != 0 ? fmt::format("leading minor {} of {}", info, n)
                                      : std::string("it holds numbers that are not finite")));
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < j; ++i) result.lower(i, j) = 0;
    result.log_determinant += 2 * std::log(result.lower(j, j));
  }
  result.inverse_lower = result.lower;
  dtrtri_("L", "N", &n, result.inverse_lower.data(), &n, &info);
  result.inverse = Gram(n, n);
  multiply(1, CblasTrans, result.inverse_lower.view(), CblasNoTrans, result.inverse_lower.view(), 0,
           result.inverse.view());
  return result;
}

}  // namespace widegram::dkm
