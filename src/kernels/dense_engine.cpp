#include "src/kernels/dense_engine.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "src/kernels/inner_product.hpp"
#include "src/kernels/interpreter.hpp"
#include "src/kernels/sample_set.hpp"
#include "src/kernels/shapes.hpp"
#include "src/kernels/steps.hpp"

namespace widegram::kernels {
namespace {

/// <x, z> / n: variances and corrected covariances come from here, so that copies, and multiples by powers of
/// two, have a correlation of exactly 1.
template <class Real>
double covariance(const Real* x, const Real* z, Index n) {
  return inner_product(x, z, n) / static_cast<double>(n);
}

void multiply(int edge, int features, const float* x, const float* z, float* k) {
  cblas_sgemm(CblasColMajor, CblasTrans, CblasNoTrans, edge, edge, features,
              1.0F / static_cast<float>(features), x, features, z, features, 0.0F, k, edge);
}

void multiply(int edge, int features, const double* x, const double* z, double* k) {
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, edge, edge, features, 1.0 / features, x, features, z,
              features, 0.0, k, edge);
}

/// Samples, each with itself, through a network.
struct SelfRun {
  Variances variances;
  std::vector<double> nngp;
  std::vector<double> ntk;

  /// ids: of the samples; padding behind them has none.
  SelfRun(const Network& network, std::span<const double> input_variances,
          std::span<const std::int64_t> ids) {
    Workspace<double> workspace;
    Block<double> block = sample_block(Layout::paired, std::ssize(input_variances), 1, true, workspace);
    std::copy(input_variances.begin(), input_variances.end(), block.nngp.data());
    SelfSteps steps([&](std::size_t i) { return i < ids.size() ? ids[i] : std::int64_t{0}; });
    Interpreter(steps, workspace).run(network, block);
    variances = steps.take_variances();
    nngp.assign(block.nngp.data(), block.nngp.data() + block.size());
    ntk.resize(nngp.size());
    if (block.ntk_started) std::copy_n(block.ntk.data(), block.size(), ntk.data());
  }
};

template <class Real>
void copy_out(MatrixView<Real> from, MatrixView<Real> to) {
  for (Index j = 0; j < to.cols; ++j) std::copy_n(from.column(j), to.rows, to.column(j));
}

/// The distinct values, in order, of one side of the pairs.
template <class Member>
std::vector<Index> distinct(const std::vector<std::pair<Index, Index>>& pairs, Member member) {
  std::vector<Index> values;
  values.reserve(pairs.size());
  for (const auto& pair : pairs) values.push_back(pair.*member);
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

Index position(const std::vector<Index>& values, Index value) {
  return std::lower_bound(values.begin(), values.end(), value) - values.begin();
}

template <class Real>
struct Scratch {
  Workspace<Real> workspace;
  NearPairs<Real> near;
};

/// One a thread, kept from tile to tile.
template <class Real>
Scratch<Real>& scratch() {
  static thread_local Scratch<Real> scratch;
  return scratch;
}

/// In double, 1 - |rho| keeps digits enough behind the input: there, nearness only means copies and
/// multiples.
template <class Real>
constexpr bool watches_all_layers = std::is_same_v<Real, float>;

}  // namespace

template <class Real>
class DenseEngine<Real>::Samples final : public SampleSet<Real> {
 public:
  Samples(const DenseEngine& engine, MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
          SampleOrder order)
      : SampleSet<Real>(inputs, ids, order, engine.edge_) {
    const Matrix<Real>& padded = this->inputs();
    for (Index i = 0; i < padded.cols(); ++i)
      variances_.push_back(covariance(padded.column(i), padded.column(i), engine.features_));
    SelfRun self(engine.network_, variances_, ids);
    trace_ = make_trace<Real>(engine.variance_layers_, self.variances, watch);
    roots_.resize(variances_.size());
    std::transform(variances_.begin(), variances_.end(), roots_.begin(),
                   [](double variance) { return static_cast<Real>(std::sqrt(variance)); });
    this->add_diagonals(std::move(self.nngp), std::move(self.ntk), false);
  }

  static constexpr Watch watch = watches_all_layers<Real> ? Watch::correlations : Watch::no;

  double variance(Index i) const { return variances_[static_cast<std::size_t>(i)]; }
  const Real* roots(Index i) const { return roots_.data() + i; }
  TraceView<Real> trace(Range members) const { return {trace_, members}; }

 private:
  std::vector<double> variances_;  ///< of the inputs
  std::vector<Real> roots_;        ///< of those
  MemberTrace<Real> trace_;
};

template <class Real>
DenseEngine<Real>::DenseEngine(Network network, Index features, Index tile_edge)
    : network_(std::move(network)),
      features_(features),
      edge_(tile_edge),
      variance_layers_(kernels::variance_layers(network_)),
      only_ids_(drops_out(network_)),
      flops_per_entry_(kernels::flops_per_entry(network_, {features, 1, 1})) {
  // A series is as long as its cut at a large variance: one such sample makes those of all as long.
  const std::vector<double> variances{1.0, 1e4};
  const MemberTrace<Real> trace =
      make_trace<Real>(variance_layers_, Variances(variance_layers_.size(), variances), Samples::watch);
  bytes_per_sample_ = sample_set_bytes<Real>(features) + sizeof(double) + sizeof(Real);
  for (const TraceStep<Real>& step : trace)
    bytes_per_sample_ +=
        static_cast<double>((step.side.values.size() + step.roots.size()) * sizeof(Real)) / 2;
}

template <class Real>
std::unique_ptr<Prepared> DenseEngine<Real>::prepare(MatrixView<const Real> inputs,
                                                     std::span<const std::int64_t> ids,
                                                     SampleOrder order) const {
  return std::make_unique<Samples>(*this, inputs, ids, order);
}

template <class Real>
void DenseEngine<Real>::tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
                             std::span<const TileOutput<Real>> outputs) const {
  const TileOutput<Real>& out = outputs.front();
  const Extent extent = extent_of(out);
  if (extent.rows == 0) return;
  const auto& row_samples = dynamic_cast<const Samples&>(rows);
  const auto& col_samples = dynamic_cast<const Samples&>(cols);
  auto& [workspace, near] = scratch<Real>();

  Block<Real> block = sample_block(Layout::outer, edge_, edge_, !out.ntk.empty(), workspace);
  multiply_inputs(row_samples, row, col_samples, col, block.nngp_view());
  near.reset(extent.rows, extent.cols);
  near.scan(block.nngp_view(), row_samples.roots(row), col_samples.roots(col));

  PairSteps<Real> steps(row_samples.trace({row, row + edge_}), col_samples.trace({col, col + edge_}),
                        watches_all_layers<Real> ? &near : nullptr);
  Interpreter(steps, workspace).run(network_, block);

  copy_out(block.nngp_view(), out.nngp);
  if (block.ntk_started)
    copy_out(block.ntk_view(), out.ntk);
  else
    for (Index j = 0; j < out.ntk.cols; ++j) std::fill_n(out.ntk.column(j), out.ntk.rows, Real(0));
  if (!near.pairs().empty()) correct_near_pairs(near.pairs(), row_samples, row, col_samples, col, out);
}

template <class Real>
void DenseEngine<Real>::multiply_inputs(const Samples& rows, Index row, const Samples& cols, Index col,
                                        MatrixView<Real> nngp) const {
  multiply(to_int(edge_, "gram.tile"), to_int(features_, "features"), rows.inputs().column(row),
           cols.inputs().column(col), nngp.data);
}

/// Equal samples get the diagonal's values; other pairs near +-1 those that double precision and one order of
/// sums give.
template <class Real>
void DenseEngine<Real>::correct_near_pairs(const Pairs& near, const Samples& rows, Index row,
                                           const Samples& cols, Index col,
                                           const TileOutput<Real>& out) const {
  const Sameness same{only_ids_};
  Pairs distinct_samples;
  for (const auto& [i, j] : near) {
    if (same(rows, row + i, cols, col + j))
      set_entry(out, i, j, rows.diagonal(Function::nngp, row + i), rows.diagonal(Function::ntk, row + i));
    else
      distinct_samples.emplace_back(i, j);
  }
  if (!distinct_samples.empty()) compute_in_double(distinct_samples, rows, row, cols, col, out);
}

/// Runs the block of all rows and columns that the pairs meet, of which only the pairs are read.
template <class Real>
void DenseEngine<Real>::compute_in_double(const Pairs& pairs, const Samples& rows, Index row,
                                          const Samples& cols, Index col, const TileOutput<Real>& out) const {
  const std::vector<Index> row_members = distinct(pairs, &Pairs::value_type::first);
  const std::vector<Index> col_members = distinct(pairs, &Pairs::value_type::second);
  const Index height = std::ssize(row_members);
  const Index width = std::ssize(col_members);

  std::vector<double> variances;
  std::vector<std::int64_t> ids;
  for (const Index i : row_members) {
    variances.push_back(rows.variance(row + i));
    ids.push_back(rows.id(row + i));
  }
  for (const Index j : col_members) {
    variances.push_back(cols.variance(col + j));
    ids.push_back(cols.id(col + j));
  }
  const MemberTrace<double> trace =
      make_trace<double>(variance_layers_, SelfRun(network_, variances, ids).variances);

  Workspace<double> workspace;
  Block<double> block = sample_block(Layout::outer, height, width, !out.ntk.empty(), workspace);
  std::fill_n(block.nngp.data(), block.size(), 0.0);
  for (const auto& [i, j] : pairs)
    block.nngp_view()(position(row_members, i), position(col_members, j)) =
        covariance(rows.inputs().column(row + i), cols.inputs().column(col + j), features_);
  PairSteps<double> steps(TraceView(trace, {0, height}), TraceView(trace, {height, height + width}));
  Interpreter(steps, workspace).run(network_, block);
  for (const auto& [i, j] : pairs) {
    const Index r = position(row_members, i);
    const Index c = position(col_members, j);
    set_entry(out, i, j, block.nngp_view()(r, c), block.ntk_started ? block.ntk_view()(r, c) : 0.0);
  }
}

/// K and T, and a copy of both in a branch.
template <class Real>
double DenseEngine<Real>::tile_bytes() const {
  return 4.0 * static_cast<double>(edge_ * edge_) * sizeof(Real);
}

template <class Real>
std::string DenseEngine<Real>::name() const {
  return fmt::format("dense ({})", vector_target());
}

template class DenseEngine<float>;
template class DenseEngine<double>;

}  // namespace widegram::kernels
