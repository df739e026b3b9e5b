#include "src/dist/scalapack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

extern "C" {
void pspotrf_(const char* uplo, const int* n, float* a, const int* ia, const int* ja, const int* desca,
              int* info);
void pdpotrf_(const char* uplo, const int* n, double* a, const int* ia, const int* ja, const int* desca,
              int* info);
void pspotrs_(const char* uplo, const int* n, const int* nrhs, const float* a, const int* ia, const int* ja,
              const int* desca, float* b, const int* ib, const int* jb, const int* descb, int* info);
void pdpotrs_(const char* uplo, const int* n, const int* nrhs, const double* a, const int* ia, const int* ja,
              const int* desca, double* b, const int* ib, const int* jb, const int* descb, int* info);
void pstrsm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m,
             const int* n, const float* alpha, const float* a, const int* ia, const int* ja, const int* desca,
             float* b, const int* ib, const int* jb, const int* descb);
void pdtrsm_(const char* side, const char* uplo, const char* trans, const char* diag, const int* m,
             const int* n, const double* alpha, const double* a, const int* ia, const int* ja,
             const int* desca, double* b, const int* ib, const int* jb, const int* descb);
void pssyrk_(const char* uplo, const char* trans, const int* n, const int* k, const float* alpha,
             const float* a, const int* ia, const int* ja, const int* desca, const float* beta, float* c,
             const int* ic, const int* jc, const int* descc);
void pdsyrk_(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* desca, const double* beta, double* c,
             const int* ic, const int* jc, const int* descc);
void pssymm_(const char* side, const char* uplo, const int* m, const int* n, const float* alpha,
             const float* a, const int* ia, const int* ja, const int* desca, const float* b, const int* ib,
             const int* jb, const int* descb, const float* beta, float* c, const int* ic, const int* jc,
             const int* descc);
void pdsymm_(const char* side, const char* uplo, const int* m, const int* n, const double* alpha,
             const double* a, const int* ia, const int* ja, const int* desca, const double* b, const int* ib,
             const int* jb, const int* descb, const double* beta, double* c, const int* ic, const int* jc,
             const int* descc);
void pdgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k,
             const double* alpha, const double* a, const int* ia, const int* ja, const int* desca,
             const double* b, const int* ib, const int* jb, const int* descb, const double* beta, double* c,
             const int* ic, const int* jc, const int* descc);
void pdtran_(const int* m, const int* n, const double* alpha, const double* a, const int* ia, const int* ja,
             const int* desca, const double* beta, double* c, const int* ic, const int* jc, const int* descc);
void pdtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* ia, const int* ja,
              const int* desca, int* info);
}

namespace widegram::dist {
namespace {

/// ScaLAPACK's names for one precision.
template <class T>
struct Routines;
template <>
struct Routines<float> {
  static constexpr auto potrf = &pspotrf_;
  static constexpr auto potrs = &pspotrs_;
  static constexpr auto trsm = &pstrsm_;
  static constexpr auto syrk = &pssyrk_;
  static constexpr auto symm = &pssymm_;
};
template <>
struct Routines<double> {
  static constexpr auto potrf = &pdpotrf_;
  static constexpr auto potrs = &pdpotrs_;
  static constexpr auto trsm = &pdtrsm_;
  static constexpr auto syrk = &pdsyrk_;
  static constexpr auto symm = &pdsymm_;
};

/// Where a whole matrix starts, counted from 1.
constexpr int whole = 1;

/// Columns that potrf() factors between two reports: enough for full speed, few enough to be heard of.
constexpr Index narrowest_stretch = 1024;
constexpr Index most_stretches = 64;

void check_arguments(const char* routine, int info) {
  if (info < 0) throw std::logic_error(fmt::format("ScaLAPACK's {} refuses its argument {}", routine, -info));
}

template <class T>
void check_operands(const DistributedMatrix<T>& a, const DistributedMatrix<T>& b) {
  if (a.rows() != a.cols() || a.cols() != b.rows() || a.block() != b.block() || !a.grid().same_as(b.grid()))
    throw std::logic_error(
        fmt::format("a {} x {} matrix in blocks of {} does not go with one of {} x {} in blocks of {}",
                    a.rows(), a.cols(), a.block(), b.rows(), b.cols(), b.block()));
}

}  // namespace

template <class T>
int potrf(DistributedMatrix<T>& a, const std::function<void(GlobalIndex)>& observe, Index stretch) {
  check_operands(a, a);
  const Descriptor desc = a.descriptor();
  const int n = desc[2];
  if (stretch == 0) stretch = std::max<Index>(narrowest_stretch, n / most_stretches);
  const int width = to_int(round_up(stretch, a.block()), "columns");
  T* const data = a.local().data;
  const T one = 1;
  const T minus_one = -1;
  for (int done = 0; done < n;) {
    const int first = done + 1;
    const int columns = std::min(width, n - done);
    int info = 0;
    Routines<T>::potrf("L", &columns, data, &first, &first, desc.data(), &info);
    check_arguments("potrf", info);
    if (info > 0) return done + info;
    done += columns;
    const int next = done + 1;
    const int rest = n - done;
    if (rest > 0) {
      Routines<T>::trsm("R", "L", "T", "N", &rest, &columns, &one, data, &first, &first, desc.data(), data,
                        &next, &first, desc.data());
      Routines<T>::syrk("L", "N", &rest, &columns, &minus_one, data, &next, &first, desc.data(), &one, data,
                        &next, &next, desc.data());
    }
    if (observe) observe(done);
  }
  return 0;
}

template <class T>
void potrs(const DistributedMatrix<T>& factor, DistributedMatrix<T>& b) {
  check_operands(factor, b);
  const Descriptor desc_a = factor.descriptor();
  const Descriptor desc_b = b.descriptor();
  int info = 0;
  Routines<T>::potrs("L", &desc_a[2], &desc_b[3], factor.local().data, &whole, &whole, desc_a.data(),
                     b.local().data, &whole, &whole, desc_b.data(), &info);
  check_arguments("potrs", info);
}

template <class T>
void symm(Triangle stored, const DistributedMatrix<T>& a, const DistributedMatrix<T>& b,
          DistributedMatrix<T>& c) {
  check_operands(a, b);
  check_operands(a, c);
  if (b.cols() != c.cols()) throw std::logic_error("a product's columns are not those of its right factor");
  const Descriptor desc_a = a.descriptor();
  const Descriptor desc_b = b.descriptor();
  const Descriptor desc_c = c.descriptor();
  const char uplo = static_cast<char>(stored);
  const T one = 1;
  const T zero = 0;
  Routines<T>::symm("L", &uplo, &desc_a[2], &desc_b[3], &one, a.local().data, &whole, &whole, desc_a.data(),
                    b.local().data, &whole, &whole, desc_b.data(), &zero, c.local().data, &whole, &whole,
                    desc_c.data());
}

void gemm(Transpose of_a, const DistributedMatrix<double>& a, const DistributedMatrix<double>& b,
          DistributedMatrix<double>& c) {
  const bool turned = of_a == Transpose::yes;
  const Index inner = turned ? a.rows() : a.cols();
  if ((turned ? a.cols() : a.rows()) != c.rows() || inner != b.rows() || b.cols() != c.cols() ||
      a.block() != b.block() || a.block() != c.block() || !a.grid().same_as(b.grid()) ||
      !a.grid().same_as(c.grid()))
    throw std::logic_error(fmt::format("a {} x {} matrix times one of {} x {} is not one of {} x {}",
                                       a.rows(), a.cols(), b.rows(), b.cols(), c.rows(), c.cols()));
  const Descriptor desc_a = a.descriptor();
  const Descriptor desc_b = b.descriptor();
  const Descriptor desc_c = c.descriptor();
  const char transposed = static_cast<char>(of_a);
  const double one = 1;
  const double zero = 0;
  pdgemm_(&transposed, "N", &desc_c[2], &desc_c[3], &desc_b[2], &one, a.local().data, &whole, &whole,
          desc_a.data(), b.local().data, &whole, &whole, desc_b.data(), &zero, c.local().data, &whole, &whole,
          desc_c.data());
}

void transpose(const DistributedMatrix<double>& a, DistributedMatrix<double>& c) {
  if (a.rows() != c.cols() || a.cols() != c.rows() || a.block() != c.block() || !a.grid().same_as(c.grid()))
    throw std::logic_error(fmt::format("a {} x {} matrix is not the transpose of one of {} x {}", c.rows(),
                                       c.cols(), a.rows(), a.cols()));
  const Descriptor desc_a = a.descriptor();
  const Descriptor desc_c = c.descriptor();
  const double one = 1;
  const double zero = 0;
  pdtran_(&desc_c[2], &desc_c[3], &one, a.local().data, &whole, &whole, desc_a.data(), &zero, c.local().data,
          &whole, &whole, desc_c.data());
}

void solve_lower(const DistributedMatrix<double>& factor, DistributedMatrix<double>& b) {
  check_operands(factor, b);
  const Descriptor desc_a = factor.descriptor();
  const Descriptor desc_b = b.descriptor();
  const double one = 1;
  pdtrsm_("L", "L", "N", "N", &desc_b[2], &desc_b[3], &one, factor.local().data, &whole, &whole,
          desc_a.data(), b.local().data, &whole, &whole, desc_b.data());
}

void invert_lower(DistributedMatrix<double>& factor) {
  check_operands(factor, factor);
  const Descriptor desc = factor.descriptor();
  int info = 0;
  pdtrtri_("L", "N", &desc[2], factor.local().data, &whole, &whole, desc.data(), &info);
  check_arguments("trtri", info);
  if (info > 0) throw std::logic_error(fmt::format("a factor with a zero in row {} has no inverse", info));
}

template int potrf(DistributedMatrix<float>&, const std::function<void(GlobalIndex)>&, Index);
template int potrf(DistributedMatrix<double>&, const std::function<void(GlobalIndex)>&, Index);
template void potrs(const DistributedMatrix<float>&, DistributedMatrix<float>&);
template void potrs(const DistributedMatrix<double>&, DistributedMatrix<double>&);
template void symm(Triangle, const DistributedMatrix<float>&, const DistributedMatrix<float>&,
                   DistributedMatrix<float>&);
template void symm(Triangle, const DistributedMatrix<double>&, const DistributedMatrix<double>&,
                   DistributedMatrix<double>&);

}  // namespace widegram::dist
