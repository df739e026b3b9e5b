#include "io/whitening.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/dist/partition.hpp"
#include "src/mpi/agree.hpp"

// OpenBLAS's headers come without LAPACK's.
extern "C" void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda,
                        double* w, double* work, const int* lwork, int* iwork, const int* liwork, int* info);

namespace widegram::io {
namespace {

constexpr Index group = 64;
/// dsyevd's work space of 2 n^2 is counted in 32 bits.
constexpr Index most_features = 30000;

/// to <- alpha a b + beta to, where a and b may be transposed.
void multiply(CBLAS_TRANSPOSE trans_b, double alpha, MatrixView<const double> a, MatrixView<const double> b,
              double beta, MatrixView<double> to) {
  cblas_dgemm(CblasColMajor, CblasNoTrans, trans_b, static_cast<int>(to.rows), static_cast<int>(to.cols),
              static_cast<int>(a.cols), alpha, a.data, static_cast<int>(a.stride), b.data,
              static_cast<int>(b.stride), beta, to.data, static_cast<int>(to.stride));
}

/// Columns [64 b, 64 b + 64) of the covariance from row 64 b down: its part of the lower triangle.
struct CovarianceBlock {
  Index index;
  Matrix<double> values;
};

/// This rank's column blocks of X X^T, in turn 0, 1, ..., P - 1, 0, ... Features are padded to whole blocks
/// by zeros.
std::vector<CovarianceBlock> own_blocks(const mpi::Communicator& comm, Index padded) {
  std::vector<CovarianceBlock> blocks;
  for (Index b = comm.rank(); b < padded / group; b += comm.size())
    blocks.push_back({b, Matrix<double>(padded - b * group, group)});
  return blocks;
}

/// Adds the products of all samples, group by group in global order, to the ranks' blocks.
void accumulate(const mpi::Communicator& comm, const Matrix<double>& centred, Index samples,
                Matrix<double>& buffer, std::vector<CovarianceBlock>& blocks) {
  const dist::Partition partition{samples, comm.size(), group};
  for (GlobalIndex begin = 0; begin < samples; begin += group) {
    const int owner = partition.owner(begin);
    const Index count = std::min(group, samples - begin);
    std::fill_n(buffer.data(), buffer.rows() * buffer.cols(), 0.0);
    if (owner == comm.rank()) {
      const Index first = begin - partition.range(owner).begin;
      for (Index j = 0; j < count; ++j)
        std::copy_n(centred.column(first + j), centred.rows(), buffer.column(j));
    }
    comm.broadcast(std::span(buffer.data(), static_cast<std::size_t>(buffer.rows() * buffer.cols())), owner);
    for (CovarianceBlock& block : blocks) {
      const Range below{block.index * group, buffer.rows()};
      const Range across{below.begin, below.begin + group};
      const MatrixView<const double> view = buffer.view();
      multiply(CblasTrans, 1.0, view.block(below, {0, group}), view.block(across, {0, group}), 1.0,
               block.values.view());
    }
  }
}

/// The lower triangle on the root, from all ranks' blocks.
void gather_lower(const mpi::Communicator& comm, const std::vector<CovarianceBlock>& blocks, Index padded,
                  Matrix<double>& received, Matrix<double>& lower) {
  const auto entries = [&](Index b) { return static_cast<std::size_t>((padded - b * group) * group); };
  for (Index b = 0; b < padded / group; ++b) {
    const int owner = static_cast<int>(b % comm.size());
    const double* values = nullptr;
    if (owner == comm.rank()) values = blocks[static_cast<std::size_t>(b / comm.size())].values.data();
    if (owner != 0) {
      if (comm.is_root()) comm.receive(std::span(received.data(), entries(b)), owner);
      if (comm.rank() == owner) comm.send(std::span(values, entries(b)), 0);
    }
    if (!comm.is_root()) continue;
    if (owner != 0) values = received.data();
    for (Index j = 0; j < group && b * group + j < lower.cols(); ++j)
      std::copy_n(values + j * (padded - b * group), lower.rows() - b * group,
                  &lower(b * group, b * group + j));
  }
}

/// Eigenvalues of the symmetric matrix whose lower triangle comes in; its eigenvectors are left there.
std::vector<double> eigendecompose(Matrix<double>& lower) {
  const int n = static_cast<int>(lower.rows());
  std::vector<double> eigenvalues(static_cast<std::size_t>(n));
  const int lwork = 1 + 6 * n + 2 * n * n;
  const int liwork = 3 + 5 * n;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  int info = 0;
  dsyevd_("V", "L", &n, lower.data(), &n, eigenvalues.data(), work.data(), &lwork, iwork.data(), &liwork,
          &info);
  if (info != 0)
    throw Error(ExitCode::numerical,
                fmt::format("zca: the covariance's eigenvalues did not converge (dsyevd: {})", info));
  return eigenvalues;
}

/// V (Lambda + eps mean(Lambda))^(-1/2) V^T from the covariance's lower triangle, which is overwritten.
void inverse_root(Matrix<double>& lower, double eps, Matrix<double>& transform) {
  const std::vector<double> eigenvalues = eigendecompose(lower);
  double mean = 0;
  for (const double value : eigenvalues) mean += value;
  mean /= static_cast<double>(eigenvalues.size());
  const double rounding = eigenvalues.back() * 1e-15 * static_cast<double>(eigenvalues.size());
  const double least = std::max(0.0, eigenvalues.front()) + eps * mean;
  if (!(least > rounding))
    throw Error(
        ExitCode::data,
        fmt::format(
            "zca({}): the training set's covariance is singular (smallest eigenvalue {:.3g}, mean {:.3g}): "
            "give a larger eps, such as zca(0.1)",
            eps, eigenvalues.front(), mean));
  Matrix<double> scaled = lower;
  for (Index j = 0; j < scaled.cols(); ++j) {
    const double factor =
        1.0 / std::sqrt(std::max(0.0, eigenvalues[static_cast<std::size_t>(j)]) + eps * mean);
    for (Index i = 0; i < scaled.rows(); ++i) scaled(i, j) *= factor;
  }
  multiply(CblasTrans, 1.0, scaled.view(), lower.view(), 0.0, transform.view());
}

}  // namespace

Matrix<double> whitening_transform(const mpi::Communicator& comm, const Matrix<double>& centred,
                                   Index samples, double eps) {
  const Index features = centred.rows();
  const Index padded = round_up(features, group);
  Matrix<double> buffer;
  Matrix<double> transform;
  Matrix<double> lower;
  std::vector<CovarianceBlock> blocks;
  mpi::collectively(comm, [&] {
    if (features > most_features)
      throw Error(ExitCode::usage, fmt::format("zca: {} features are more than the {} that it can whiten",
                                               features, most_features));
    buffer = Matrix<double>(padded, group);
    blocks = own_blocks(comm, padded);
    transform = Matrix<double>(features, features);
    if (comm.is_root()) lower = Matrix<double>(features, features);
  });
  accumulate(comm, centred, samples, buffer, blocks);
  gather_lower(comm, blocks, padded, buffer, lower);
  mpi::on_root(comm, [&] {
    const double divisor = static_cast<double>(samples);
    for (double& value : std::span(lower.data(), static_cast<std::size_t>(features * features)))
      value /= divisor;
    inverse_root(lower, eps, transform);
  });
  comm.broadcast(std::span(transform.data(), static_cast<std::size_t>(features * features)));
  return transform;
}

void apply_whitening(const Matrix<double>& transform, MatrixView<double> inputs) {
  Matrix<double> before(inputs.rows, group);
  Matrix<double> after(inputs.rows, group);
  for (Index begin = 0; begin < inputs.cols; begin += group) {
    const Index count = std::min(group, inputs.cols - begin);
    for (Index n = 0; n < count; ++n) std::copy_n(inputs.column(begin + n), inputs.rows, before.column(n));
    std::fill_n(before.column(count), inputs.rows * (group - count), 0.0);
    multiply(CblasNoTrans, 1.0, transform.view(), before.view(), 0.0, after.view());
    for (Index n = 0; n < count; ++n) std::copy_n(after.column(n), inputs.rows, inputs.column(begin + n));
  }
}

}  // namespace widegram::io
