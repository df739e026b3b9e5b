#include "solvers/dkm/full_predictor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "solvers/columns.hpp"
#include "solvers/dkm/gram_map.hpp"
#include "src/dist/diagonal.hpp"
#include "src/dist/redistribute.hpp"
#include "src/dist/scalapack.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::dkm {
namespace {

using dist::DistributedMatrix;

DistributedMatrix<double> alike(const DistributedMatrix<double>& a) {
  return {a.grid(), a.rows(), a.cols(), a.block()};
}

void check_variances(std::span<const double> variances, Index layer, GlobalIndex first, double jitter) {
  for (std::size_t t = 0; t < variances.size(); ++t)
    if (!(variances[t] > 0) || !std::isfinite(variances[t]))
      throw mpi::CollectiveError(
          ExitCode::numerical,
          fmt::format(
              "test sample {} (counted from 0) has the variance {:.3g} in layer {}, which must be above "
              "zero: "
              "the kernels are too ill-conditioned for its prediction; train with a larger dkm.jitter (it is "
              "{:g})",
              first + static_cast<GlobalIndex>(t), variances[t], layer, jitter));
}

}  // namespace

FullPredictor::FullPredictor(const KernelMap<double>& map, FullMachine machine)
    : map_(map), machine_(std::move(machine)) {
  const Index top = std::ssize(machine_.grams) - 1;
  for (Index l = 0; l <= top; ++l) {
    const DistributedMatrix<double>& gram = machine_.grams[static_cast<std::size_t>(l)];
    diagonals_.push_back(gathered_diagonal(gram));
    chols_.push_back(alike(gram));
    DistributedMatrix<double>& chol = chols_.back();
    apply_map(map_, gram, diagonals_.back(), machine_.jitter, chol);
    if (l == top) dist::for_each_diagonal(chol, [&](GlobalIndex, double& entry) { entry += machine_.noise; });
    if (const int minor = dist::potrf(chol); minor > 0)
      throw mpi::CollectiveError(
          ExitCode::numerical,
          Breakdown{l == top ? Breakdown::Of::likelihood : Breakdown::Of::kernel, l, minor}.message(
              machine_.jitter));
  }
  dist::potrs(chols_.back(), machine_.targets);  // from now on (K_L + noise)^-1 Y
}

/// The map on the Gram of training and test samples, in its place.
void FullPredictor::apply(const std::vector<double>& left, std::span<const double> right,
                          DistributedMatrix<double>& cross) const {
  std::vector<double> rows;
  for (LocalIndex i = 0; i < cross.local_rows(); ++i)
    rows.push_back(left[static_cast<std::size_t>(cross.global_row(i))]);
  std::vector<double> cols;
  for (LocalIndex j = 0; j < cross.local_cols(); ++j)
    cols.push_back(right[static_cast<std::size_t>(cross.global_col(j))]);
  if (!cross.local().empty()) map_.values(cross.local(), rows, cols, cross.local());
}

FullPrediction FullPredictor::predict(DistributedMatrix<double> cross, std::vector<double> own,
                                      GlobalIndex first) const {
  const std::size_t top = machine_.grams.size() - 1;
  for (std::size_t l = 0; l < top; ++l) {
    check_variances(own, static_cast<Index>(l), first, machine_.jitter);
    apply(diagonals_[l], own, cross);
    map_.diagonal(own, own);
    DistributedMatrix<double> weights = cross.copy();  // F^T = K_ii^-1 K_it
    dist::potrs(chols_[l], weights);
    const std::vector<double> explained = solvers::column_products(weights, cross);
    dist::symm(dist::Triangle::lower, machine_.grams[l + 1], weights, cross);
    const std::vector<double> added = solvers::column_products(weights, cross);
    for (std::size_t t = 0; t < own.size(); ++t) own[t] += added[t] - explained[t];
  }
  check_variances(own, static_cast<Index>(top), first, machine_.jitter);
  apply(diagonals_[top], own, cross);
  map_.diagonal(own, own);
  const DistributedMatrix<double>& alpha = machine_.targets;
  DistributedMatrix<double> mean(cross.grid(), cross.cols(), alpha.cols(), cross.block());
  dist::gemm(dist::Transpose::yes, cross, alpha, mean);
  dist::solve_lower(chols_.back(), cross);
  const std::vector<double> explained = solvers::column_squares(cross);
  for (std::size_t t = 0; t < own.size(); ++t) own[t] = std::max(0.0, own[t] - explained[t]);
  return {dist::gather(mean), std::move(own)};
}

}  // namespace widegram::dkm
