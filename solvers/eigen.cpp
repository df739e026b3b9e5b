#include "solvers/eigen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "solvers/checks.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/scalapack.hpp"
#include "src/dist/scalapack_eigen.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::solvers {

using dist::DistributedMatrix;

namespace {

/// V diag(weights) C; c is scaled in place.
DistributedMatrix<double> expand_scaled(const Eigendecomposition& eigen, std::span<const double> weights,
                                        DistributedMatrix<double>& c) {
  const MatrixView<double> mine = c.local();
  for (LocalIndex j = 0; j < mine.cols; ++j)
    for (LocalIndex i = 0; i < mine.rows; ++i)
      mine(i, j) *= weights[static_cast<std::size_t>(c.global_row(i))];
  DistributedMatrix<double> result(c.grid(), c.rows(), c.cols(), c.block());
  dist::gemm(dist::Transpose::no, eigen.vectors, c, result);
  return result;
}

}  // namespace

Eigendecomposition eigendecompose(DistributedMatrix<double> a) {
  check_finite(a, "the Gram matrix");
  DistributedMatrix<double> vectors(a.grid(), a.rows(), a.cols(), a.block());
  std::vector<double> values = dist::syevd(a, vectors);
  return {std::move(values), std::move(vectors)};
}

std::vector<double> eigenvalues(DistributedMatrix<double> a) {
  check_finite(a, "the Gram matrix");
  return dist::syev(a);
}

DistributedMatrix<double> project_distributed(const Eigendecomposition& eigen,
                                              const DistributedMatrix<double>& b) {
  DistributedMatrix<double> z(b.grid(), b.rows(), b.cols(), b.block());
  dist::gemm(dist::Transpose::yes, eigen.vectors, b, z);
  return z;
}

Matrix<double> project(const Eigendecomposition& eigen, const DistributedMatrix<double>& b) {
  return dist::gather(project_distributed(eigen, b));
}

DistributedMatrix<double> expand(const Eigendecomposition& eigen, std::span<const double> weights,
                                 MatrixView<const double> c) {
  const DistributedMatrix<double>& v = eigen.vectors;
  DistributedMatrix<double> here(v.grid(), v.rows(), c.cols, v.block());
  dist::scatter(c, here);
  return expand_scaled(eigen, weights, here);
}

DistributedMatrix<double> apply_function(const Eigendecomposition& eigen, std::span<const double> weights,
                                         const DistributedMatrix<double>& b) {
  DistributedMatrix<double> z = project_distributed(eigen, b);
  return expand_scaled(eigen, weights, z);
}

std::vector<double> diagonal_of_function(const Eigendecomposition& eigen, std::span<const double> weights) {
  const DistributedMatrix<double>& v = eigen.vectors;
  std::vector<double> sums(static_cast<std::size_t>(v.local_rows()));
  for (LocalIndex j = 0; j < v.local_cols(); ++j) {
    const double weight = weights[static_cast<std::size_t>(v.global_col(j))];
    const double* const column = v.local().column(j);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * column[i] * column[i];
  }
  std::vector<double> diagonal(static_cast<std::size_t>(v.rows()));
  for (std::size_t i = 0; i < sums.size(); ++i)
    diagonal[static_cast<std::size_t>(v.global_row(static_cast<LocalIndex>(i)))] = sums[i];
  v.grid().comm().all_reduce(std::span<double>(diagonal), MPI_SUM);
  return diagonal;
}

std::vector<double> inverted(std::span<const double> values, double ridge) {
  if (values.empty()) return {};
  check_ridge(ridge);
  const double scale = std::max(std::abs(values.front()), std::abs(values.back()));
  const double threshold =
      static_cast<double>(values.size()) * std::numeric_limits<double>::epsilon() * scale;
  if (!(values.front() + ridge > threshold))
    throw mpi::CollectiveError(
        ExitCode::numerical,
        fmt::format(
            "the Gram matrix with {:.6g} added to its diagonal is not positive definite: its smallest "
            "eigenvalue is {:.3g} and its largest {:.6g}. Samples may repeat, or the matrix is no Gram "
            "to its precision. A ridge that helps is ridge_absolute = {:.2g}",
            ridge, values.front(), values.back(), 2 * threshold - std::min(0.0, 1.1 * values.front())));
  std::vector<double> inverse(values.begin(), values.end());
  for (double& value : inverse) value = 1.0 / (value + ridge);
  return inverse;
}

double log_determinant(std::span<const double> values, double ridge) {
  double sum = 0;
  for (const double value : values) sum += std::log(value + ridge);
  return sum;
}

}  // namespace widegram::solvers
