#pragma once

#include "src/base/matrix_view.hpp"

namespace widegram::dist {

/// Products of one tile with a few vectors are limited by the memory that the tile comes from. So a tile of a
/// symmetric matrix is used for its own place and for the mirrored one while it is in registers: half the
/// memory traffic of a product that reads both triangles, and nothing is packed as in a BLAS.

/// Vectors lie a row a time: `width` numbers, the k vectors' entries and zeros up to a multiple of this.
inline constexpr Index vector_granule = 4;

/// Blocks of vectors that face a tile's rows and columns, `width` x rows and `width` x columns.
struct FacingVectors {
  Index width = 0;
  const double* x_of_cols = nullptr;
  double* y_of_rows = nullptr;
  const double* x_of_rows = nullptr;  ///< null for a tile on the diagonal, which has no mirrored place
  double* y_of_cols = nullptr;
};

/// y_of_rows <- y_of_rows + A x_of_cols and y_of_cols <- y_of_cols + A^T x_of_rows, sums in the order of the
/// columns and the rows.
void add_tile_products(MatrixView<const double> a, const FacingVectors& vectors);

}  // namespace widegram::dist
