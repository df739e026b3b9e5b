#include "src/dist/scalapack_triangular.hpp"

#include <fmt/format.h>

#include <stdexcept>

extern "C" {
void pdtrmm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m,
             const int* n, const double* alpha, const double* a, const int* ia, const int* ja,
             const int* desca, double* b, const int* ib, const int* jb, const int* descb);
void pdtrsm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m,
             const int* n, const double* alpha, const double* a, const int* ia, const int* ja,
             const int* desca, double* b, const int* ib, const int* jb, const int* descb);
void pdsyrk_(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* desca, const double* beta, double* c,
             const int* ic, const int* jc, const int* descc);
void pdpotri_(const char* uplo, const int* n, double* a, const int* ia, const int* ja, const int* desca,
              int* info);
}

namespace widegram::dist {
namespace {

/// Where a whole matrix starts, counted from 1.
constexpr int whole = 1;

void require(bool fits, const char* routine) {
  if (!fits) throw std::logic_error(fmt::format("{}: the matrices do not go together", routine));
}

bool alike(const DistributedMatrix<double>& a, const DistributedMatrix<double>& b) {
  return a.block() == b.block() && a.grid().same_as(b.grid());
}

}  // namespace

void multiply_lower(Side side, Transpose of_factor, const DistributedMatrix<double>& factor,
                    DistributedMatrix<double>& b, double scale) {
  require(factor.rows() == factor.cols() && alike(factor, b) &&
              factor.rows() == (side == Side::left ? b.rows() : b.cols()),
          "trmm");
  const Descriptor desc_a = factor.descriptor();
  const Descriptor desc_b = b.descriptor();
  const char place = static_cast<char>(side);
  const char turned = static_cast<char>(of_factor);
  pdtrmm_(&place, "L", &turned, "N", &desc_b[2], &desc_b[3], &scale, factor.local().data, &whole, &whole,
          desc_a.data(), b.local().data, &whole, &whole, desc_b.data());
}

void solve_lower_transposed(const DistributedMatrix<double>& factor, DistributedMatrix<double>& b) {
  require(factor.rows() == factor.cols() && alike(factor, b) && factor.rows() == b.rows(), "trsm");
  const Descriptor desc_a = factor.descriptor();
  const Descriptor desc_b = b.descriptor();
  const double one = 1;
  pdtrsm_("L", "L", "T", "N", &desc_b[2], &desc_b[3], &one, factor.local().data, &whole, &whole,
          desc_a.data(), b.local().data, &whole, &whole, desc_b.data());
}

void syrk(double alpha, const DistributedMatrix<double>& a, double beta, DistributedMatrix<double>& c) {
  require(c.rows() == c.cols() && alike(a, c) && a.rows() == c.rows(), "syrk");
  const Descriptor desc_a = a.descriptor();
  const Descriptor desc_c = c.descriptor();
  pdsyrk_("L", "N", &desc_c[2], &desc_a[3], &alpha, a.local().data, &whole, &whole, desc_a.data(), &beta,
          c.local().data, &whole, &whole, desc_c.data());
}

void invert_factored(DistributedMatrix<double>& factor) {
  require(factor.rows() == factor.cols(), "potri");
  const Descriptor desc = factor.descriptor();
  int info = 0;
  pdpotri_("L", &desc[2], factor.local().data, &whole, &whole, desc.data(), &info);
  if (info != 0) throw std::logic_error(fmt::format("ScaLAPACK's potri refuses its factor (info {})", info));
}

}  // namespace widegram::dist
