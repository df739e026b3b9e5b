#include "src/kernels/plane_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <type_traits>

#include "src/base/error.hpp"
#include "src/kernels/dual.hpp"
#include "src/kernels/flips.hpp"
#include "src/kernels/inner_product.hpp"
#include "src/kernels/interpreter.hpp"
#include "src/kernels/shapes.hpp"
#include "src/kernels/steps.hpp"

namespace widegram::kernels {
namespace {

template <class To, class From>
std::vector<To> as(const From* values, Index count) {
  return {values, values + count};
}

/// Correlation of whole images from which on float leaves a pair to double: what is left of 1 - rho, pixel by
/// pixel, is small then and loses its digits.
constexpr double near_correlation = 1 - 1.0 / 64;

/// What comes behind an output's mean, on samples with themselves.
struct TailRun {
  Variances variances;
  std::vector<double> nngp, ntk;

  TailRun(const Network& tail, const std::vector<PlaneSums>& means, std::span<const std::int64_t> ids) {
    Workspace<double> workspace;
    Block<double> block = sample_block(Layout::paired, std::ssize(means), 1, true, workspace);
    block.ntk = workspace.take(block.size());
    block.ntk_started = true;
    for (std::size_t i = 0; i < means.size(); ++i) {
      block.nngp.data()[i] = means[i].nngp;
      block.ntk.data()[i] = means[i].ntk;
    }
    SelfSteps steps([&](std::size_t i) { return ids[i]; });
    Interpreter(steps, workspace).run(tail, block);
    variances = steps.take_variances();
    nngp.assign(block.nngp.data(), block.nngp.data() + block.size());
    ntk.assign(block.ntk.data(), block.ntk.data() + block.size());
  }
};

/// Values far below 1 end in numbers without digits, or in zero, unless Real is double.
template <class Real>
void check_size(double mean, std::int64_t sample) {
  constexpr double least = 1024.0 * 1024.0 * static_cast<double>(std::numeric_limits<Real>::min());
  if (mean <= 0 || mean >= least) return;
  throw Error(
      ExitCode::numerical,
      fmt::format(
          "{} has the covariance {:.1e} behind the convolutions: it underflows; raise the weight "
          "variances (2 keeps those of relu), scale the inputs, or take kernel.precision = \"float64\"",
          sample_name(sample), mean));
}

std::string planes_text(const PlaneProgram& program) {
  std::string text;
  for (const PlaneStage& stage : program.stages)
    text += fmt::format("{}{} plane{} of {} x {}", text.empty() ? "" : ", then ", stage.planes.size(),
                        stage.planes.size() == 1 ? "" : "s", stage.height, stage.width);
  return text;
}

}  // namespace

template <class Real>
class PlaneEngine<Real>::Samples final : public SampleSet<Real> {
 public:
  Samples(const PlaneEngine& engine, MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
          SampleOrder order)
      : SampleSet<Real>(inputs, ids, order, 1) {
    const auto kernel = engine.template kernel<double>();
    std::vector<std::vector<PlaneSums>> means(engine.networks_.size());
    for (Index i = 0; i < this->count(); ++i) {
      const std::vector<double> image = as<double>(this->inputs().column(i), inputs.rows);
      const std::vector<PlaneSums> sums = kernel->self(kernel->prepare(image.data(), this->id(i)));
      for (std::size_t k = 0; k < sums.size(); ++k) {
        check_size<Real>(sums[k].nngp, this->id(i));
        means[k].push_back(sums[k]);
      }
      norms_.push_back(std::sqrt(inner_product(image.data(), image.data(), inputs.rows)));
    }
    for (std::size_t k = 0; k < means.size(); ++k) {
      TailRun tail(engine.program_.outputs[k].tail, means[k], ids);
      traces_.push_back(make_trace<double>(engine.tail_layers_[k], tail.variances));
      this->add_diagonals(std::move(tail.nngp), std::move(tail.ntk), engine.shares_flips_);
    }
  }

  TraceView<double> trace(Index network, Range members) const {
    return {traces_[static_cast<std::size_t>(network)], members};
  }
  /// Of the inputs.
  double norm(Index i) const { return norms_[static_cast<std::size_t>(i)]; }

 private:
  std::vector<MemberTrace<double>> traces_;  ///< of the tails, by network
  std::vector<double> norms_;
};

/// A network's K and T of a tile's pairs, rows x cols each, as they leave the planes.
template <class Real>
struct PlaneEngine<Real>::Means {
  Matrix<double> nngp, ntk;
};

template <class Real>
PlaneEngine<Real>::PlaneEngine(std::vector<Network> networks, const SampleShape& input, Index tile_edge,
                               PlaneProgram program)
    : networks_(std::move(networks)),
      input_(input),
      edge_(tile_edge),
      program_(std::move(program)),
      only_ids_(std::any_of(networks_.begin(), networks_.end(), drops_out)),
      shares_flips_(std::all_of(networks_.begin(), networks_.end(),
                                [&](const Network& network) { return flip_equivariant(network, input); })) {
  for (const PlaneOutput& output : program_.outputs) tail_layers_.push_back(variance_layers(output.tail));
}

template <class Real>
template <class Precision>
auto PlaneEngine<Real>::kernel() const {
  const auto make = [this] { return std::make_unique<PlaneKernel<Precision>>(program_); };
  if constexpr (std::is_same_v<Precision, float>)
    return float_kernels_.lend(make);
  else
    return double_kernels_.lend(make);
}

template <class Real>
std::unique_ptr<Prepared> PlaneEngine<Real>::prepare(MatrixView<const Real> inputs,
                                                     std::span<const std::int64_t> ids,
                                                     SampleOrder order) const {
  return std::make_unique<Samples>(*this, inputs, ids, order);
}

template <class Real>
void PlaneEngine<Real>::tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
                             std::span<const TileOutput<Real>> out) const {
  const Extent extent = extent_of(out);
  const auto& row_samples = dynamic_cast<const Samples&>(rows);
  const auto& col_samples = dynamic_cast<const Samples&>(cols);
  const TilePairs pairs(row_samples, row, col_samples, col, extent, Sameness{only_ids_}, shares_flips_);
  const bool wants_ntk =
      std::any_of(out.begin(), out.end(), [](const auto& one) { return !one.ntk.empty(); });
  std::vector<Means> means(networks_.size());
  for (Means& of : means)
    of = {Matrix<double>(extent.rows, extent.cols), Matrix<double>(extent.rows, extent.cols)};
  compute(row_samples, row, col_samples, col, pairs.to_compute(), wants_ntk, means);
  for (std::size_t k = 0; k < means.size(); ++k) {
    const auto network = static_cast<Index>(k);
    pairs.set_equal(out[k], row_samples, row, network);
    finish(row_samples, row, col_samples, col, network, means[k]);
    for (const TilePair& pair : pairs.to_compute())
      pairs.set(out[k], pair, means[k].nngp(pair.row, pair.col), means[k].ntk(pair.row, pair.col));
  }
}

namespace {

/// The sides of the images of a tile that have been asked for, in one precision.
template <class Precision, class Real>
class TileImages {
 public:
  TileImages(PlaneKernel<Precision>& kernel, const SampleSet<Real>& rows, Index row,
             const SampleSet<Real>& cols, Index col)
      : kernel_(kernel), rows_(rows), row_(row), cols_(cols), col_(col) {}

  const ImageSide<Precision>& first(Index i) {
    const auto known = first_.find(i);
    if (known != first_.end()) return known->second;
    return first_.emplace(i, prepare(rows_, row_ + i).plain).first->second;
  }
  /// Valid until another one is asked for: pairs come column by column.
  const ImageSide<Precision>& second(Index j) {
    if (j != present_) second_ = prepare(cols_, col_ + j).shifted;
    present_ = j;
    return second_;
  }

 private:
  auto prepare(const SampleSet<Real>& samples, Index i) const {
    const std::vector<Precision> image = as<Precision>(samples.inputs().column(i), samples.inputs().rows());
    return kernel_.prepare(image.data(), samples.id(i));
  }

  PlaneKernel<Precision>& kernel_;
  const SampleSet<Real>& rows_;
  Index row_;
  const SampleSet<Real>& cols_;
  Index col_;
  std::map<Index, ImageSide<Precision>> first_;
  ImageSide<Precision> second_;
  Index present_ = -1;
};

}  // namespace

template <class Real>
void PlaneEngine<Real>::compute(const Samples& rows, Index row, const Samples& cols, Index col,
                                const std::vector<TilePair>& pairs, bool wants_ntk,
                                std::vector<Means>& means) const {
  const auto put = [&](const TilePair& pair, const std::vector<PlaneSums>& sums) {
    for (std::size_t k = 0; k < sums.size(); ++k) {
      means[k].nngp(pair.row, pair.col) = sums[k].nngp;
      means[k].ntk(pair.row, pair.col) = sums[k].ntk;
    }
  };
  const auto run = [&]<class Precision>(PlaneKernel<Precision>& kernel, const std::vector<TilePair>& some) {
    TileImages<Precision, Real> images(kernel, rows, row, cols, col);
    for (const TilePair& pair : some)
      put(pair, kernel.pair(images.first(pair.row), images.second(pair.col), wants_ntk));
  };
  const auto is_near = [&](const TilePair& pair) {
    const Index i = row + pair.row;
    const Index j = col + pair.col;
    return std::abs(inner_product(rows.inputs().column(i), cols.inputs().column(j), input_.features())) >=
           near_correlation * rows.norm(i) * cols.norm(j);
  };
  std::vector<TilePair> plain, near;
  constexpr bool watches = std::is_same_v<Real, float>;
  for (const TilePair& pair : pairs) (watches && is_near(pair) ? near : plain).push_back(pair);
  run(*kernel<Real>(), plain);
  if (!near.empty()) run(*kernel<double>(), near);
}

/// What comes behind the planes' means.
template <class Real>
void PlaneEngine<Real>::finish(const Samples& rows, Index row, const Samples& cols, Index col, Index network,
                               Means& means) const {
  const Network& tail = program_.outputs[static_cast<std::size_t>(network)].tail;
  if (tail.empty()) return;
  Workspace<double> workspace;
  const MatrixView<double> nngp = means.nngp.view();
  Block<double> block = sample_block(Layout::outer, nngp.rows, nngp.cols, true, workspace);
  block.ntk = workspace.take(block.size());
  block.ntk_started = true;
  std::copy_n(nngp.data, block.size(), block.nngp.data());
  std::copy_n(means.ntk.view().data, block.size(), block.ntk.data());
  PairSteps<double> steps(rows.trace(network, {row, row + nngp.rows}),
                          cols.trace(network, {col, col + nngp.cols}));
  Interpreter(steps, workspace).run(tail, block);
  std::copy_n(block.nngp.data(), block.size(), means.nngp.view().data);
  std::copy_n(block.ntk.data(), block.size(), means.ntk.view().data);
}

template <class Real>
double PlaneEngine<Real>::flops_per_entry(SampleOrder order) const {
  double most = 0;
  for (const Network& network : networks_) most = std::max(most, kernels::flops_per_entry(network, input_));
  return most * (order == SampleOrder::flip_pairs && shares_flips_ ? 0.5 : 1.0);
}

template <class Real>
double PlaneEngine<Real>::bytes_per_sample() const {
  double numbers = 1;
  for (const auto& layers : tail_layers_)
    for (const TraceStep<double>& step :
         make_trace<double>(layers, Variances(layers.size(), std::vector<double>{1.0})))
      numbers += static_cast<double>(step.side.values.size());
  return sample_set_bytes<Real>(input_.features()) + numbers * sizeof(double) +
         static_cast<double>(networks_.size() - 1) * 2 * sizeof(double);
}

/// The sides of a tile's rows and one column, the planes between stages, and the latter in double for
/// diagonals.
template <class Real>
double PlaneEngine<Real>::tile_bytes() const {
  const auto kernel = this->kernel<Real>();
  const double diagonals = std::is_same_v<Real, double> ? 0.0 : this->kernel<double>()->bytes(1);
  return kernel->bytes(edge_) + diagonals;
}

template <class Real>
std::string PlaneEngine<Real>::name() const {
  return fmt::format("{} ({}): {}",
                     program_.stages.front().planes.only_zero() ? "pixel diagonal" : "offset planes",
                     vector_target(), planes_text(program_));
}

template <class Real>
bool PlaneEngine<Real>::fits(const SampleShape& input) {
  return ceil_div(input.width, plane_passes<double>().lanes) <= most_vectors;
}

template class PlaneEngine<float>;
template class PlaneEngine<double>;

}  // namespace widegram::kernels
