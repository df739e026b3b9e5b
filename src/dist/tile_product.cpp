#include "src/dist/tile_product.hpp"

#include <cblas.h>

#include <algorithm>
#include <span>

#include "src/dist/linear_operator.hpp"

namespace widegram::dist {
namespace {

/// y += a x, or a^T x.
void multiply_add(CBLAS_TRANSPOSE transposed, MatrixView<const double> a, MatrixView<const double> x,
                  MatrixView<double> y) {
  if (y.cols == 0) return;
  cblas_dgemm(CblasColMajor, transposed, CblasNoTrans, to_int(y.rows, "rows"), to_int(y.cols, "vectors"),
              to_int(x.rows, "columns"), 1.0, a.data, to_int(a.stride, "rows"), x.data,
              to_int(x.stride, "rows"), 1.0, y.data, to_int(y.stride, "rows"));
}

}  // namespace

TileProduct::TileProduct(const mpi::Communicator& comm, const Partition& layout, MatrixView<const double> x)
    : comm_(comm), layout_(layout), x_(gather_parts(comm, layout, x)), sums_(layout.extent, x.cols) {}

void TileProduct::add(Range rows, Range cols, MatrixView<const double> a) {
  const Range vectors{0, x_.cols()};
  multiply_add(CblasNoTrans, a, x_.view().block(cols, vectors), sums_.view().block(rows, vectors));
  multiply_add(CblasTrans, a, x_.view().block(rows, vectors), sums_.view().block(cols, vectors));
}

void TileProduct::add_diagonal(Range both, MatrixView<const double> a) {
  const Range vectors{0, x_.cols()};
  multiply_add(CblasNoTrans, a, x_.view().block(both, vectors), sums_.view().block(both, vectors));
}

void TileProduct::finish(MatrixView<double> y) {
  comm_.all_reduce(std::span(sums_.data(), static_cast<std::size_t>(sums_.rows() * sums_.cols())), MPI_SUM);
  const Range part = layout_.range(comm_.rank());
  for (Index k = 0; k < y.cols; ++k)
    std::copy_n(sums_.data() + k * sums_.rows() + part.begin, y.rows, y.column(k));
}

}  // namespace widegram::dist
