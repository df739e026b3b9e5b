#include "src/kernels/pixel_engine.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>

#include "src/kernels/flips.hpp"
#include "src/kernels/interpreter.hpp"
#include "src/kernels/sample_set.hpp"
#include "src/kernels/shapes.hpp"
#include "src/kernels/steps.hpp"
#include "src/kernels/tile_pairs.hpp"

namespace widegram::kernels {
namespace {

template <class Real>
std::vector<double> in_double(const Matrix<Real>& inputs, Index i) {
  return {inputs.column(i), inputs.column(i) + inputs.rows()};
}

/// <x_p, z_p> / C of every pixel p, in one order of sums.
void pair_equal_pixels(const SampleShape& shape, const double* x, const double* z, double* k, Index stride) {
  for (Index p = 0; p < shape.pixels(); ++p) {
    double sum = 0;
    for (Index c = 0; c < shape.channels; ++c) sum += x[c * shape.pixels() + p] * z[c * shape.pixels() + p];
    k[p * stride] = sum / static_cast<double>(shape.channels);
  }
}

}  // namespace

/// A sample with all that the pairs it is in need to know of it.
template <class Real>
struct PixelEngine<Real>::Member {
  std::vector<double> inputs;
  MemberTrace<double> trace;
};

template <class Real>
class PixelEngine<Real>::Samples final : public SampleSet<Real> {
 public:
  Samples(const PixelEngine& engine, MatrixView<const Real> inputs, std::span<const std::int64_t> ids,
          SampleOrder order)
      : SampleSet<Real>(inputs, ids, order, 1) {
    std::vector<double> nngp;
    std::vector<double> ntk;
    Workspace<double> workspace;
    for (Index i = 0; i < this->count(); ++i) {
      const std::vector<double> x = in_double(this->inputs(), i);
      Block<double> block = engine.input_block(x, x, true, workspace);
      const Index stride = block.layout == Layout::outer ? block.rows + 1 : 1;
      pair_equal_pixels(engine.input_, x.data(), x.data(), block.nngp.data(), stride);
      SelfSteps steps([id = this->id(i)](std::size_t) { return id; });
      Interpreter(steps, workspace).run(engine.network_, block);
      variances_.push_back(steps.take_variances());
      nngp.push_back(block.nngp.data()[0]);
      ntk.push_back(block.ntk_started ? block.ntk.data()[0] : 0.0);
    }
    this->add_diagonals(std::move(nngp), std::move(ntk), engine.shares_flips_);
  }

  Member member(const std::vector<VarianceLayer>& layers, Index i) const {
    return {in_double(this->inputs(), i),
            make_trace<double>(layers, variances_[static_cast<std::size_t>(i)])};
  }

 private:
  std::vector<Variances> variances_;  ///< of every pixel, sample by sample
};

template <class Real>
PixelEngine<Real>::PixelEngine(Network network, SampleShape input, Index tile_edge, std::string why)
    : network_(std::move(network)),
      input_(input),
      edge_(tile_edge),
      why_(std::move(why)),
      layout_(mixes_pixels(network_) ? Layout::outer : Layout::paired),
      variance_layers_(kernels::variance_layers(network_)),
      only_ids_(drops_out(network_)),
      shares_flips_(flip_equivariant(network_, input)),
      flops_per_entry_(kernels::flops_per_entry(network_, input)),
      bytes_per_sample_(sample_set_bytes<Real>(input.features())) {
  for (const LayerReport& report : check_shapes(network_, input))
    bytes_per_sample_ += static_cast<double>(report.variances) * sizeof(double);
}

template <class Real>
std::unique_ptr<Prepared> PixelEngine<Real>::prepare(MatrixView<const Real> inputs,
                                                     std::span<const std::int64_t> ids,
                                                     SampleOrder order) const {
  return std::make_unique<Samples>(*this, inputs, ids, order);
}

template <class Real>
Block<double> PixelEngine<Real>::input_block(const std::vector<double>& x, const std::vector<double>& z,
                                             bool wants_ntk, Workspace<double>& workspace) const {
  const Index pixels = input_.pixels();
  const bool outer = layout_ == Layout::outer;
  Block<double> block = sample_block(layout_, pixels, outer ? pixels : 1, wants_ntk, workspace);
  block.height = input_.height;
  block.width = input_.width;
  if (!outer) {
    pair_equal_pixels(input_, x.data(), z.data(), block.nngp.data(), 1);
    return block;
  }
  const int p = to_int(pixels, "pixels");
  const int channels = to_int(input_.channels, "channels");
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, p, p, channels, 1.0, x.data(), p, z.data(), p, 0.0,
              block.nngp.data(), p);
  for (Index i = 0; i < block.size(); ++i)
    block.nngp.data()[i] /= channels;  // as variances are: equal pixels have rho = 1
  return block;
}

template <class Real>
void PixelEngine<Real>::tile(const Prepared& rows, Index row, const Prepared& cols, Index col,
                             std::span<const TileOutput<Real>> outputs) const {
  const TileOutput<Real>& out = outputs.front();
  const Extent extent = extent_of(out);
  const auto& row_samples = dynamic_cast<const Samples&>(rows);
  const auto& col_samples = dynamic_cast<const Samples&>(cols);
  const TilePairs pairs(row_samples, row, col_samples, col, extent, Sameness{only_ids_}, shares_flips_);
  pairs.set_equal(out, row_samples, row, 0);
  if (pairs.to_compute().empty()) return;

  std::vector<Member> row_members;
  for (Index i = 0; i < extent.rows; ++i)
    row_members.push_back(row_samples.member(variance_layers_, row + i));
  Workspace<double> workspace;
  Index column = -1;
  Member z;
  for (const TilePair& pair : pairs.to_compute()) {
    if (pair.col != column) z = col_samples.member(variance_layers_, col + pair.col);
    column = pair.col;
    const auto [nngp, ntk] =
        entry(row_members[static_cast<std::size_t>(pair.row)], z, !out.ntk.empty(), workspace);
    pairs.set(out, pair, nngp, ntk);
  }
}

/// {NNGP, NTK} of two samples.
template <class Real>
std::pair<double, double> PixelEngine<Real>::entry(const Member& x, const Member& z, bool wants_ntk,
                                                   Workspace<double>& workspace) const {
  Block<double> block = input_block(x.inputs, z.inputs, wants_ntk, workspace);
  PairSteps<double> steps{TraceView(x.trace), TraceView(z.trace)};
  Interpreter(steps, workspace).run(network_, block);
  return {block.nngp.data()[0], block.ntk_started ? block.ntk.data()[0] : 0.0};
}

/// What each row's pixels need at every layer, and K and T of a pair with a copy of both in a branch.
template <class Real>
double PixelEngine<Real>::tile_bytes() const {
  const Variances one(variance_layers_.size(), std::vector<double>{1.0});
  double numbers = 0;
  for (const TraceStep<double>& step : make_trace<double>(variance_layers_, one))
    numbers += static_cast<double>(step.side.values.size());
  const auto pixels = static_cast<double>(input_.pixels());
  const double pairs = layout_ == Layout::outer ? pixels * pixels : pixels;
  return (static_cast<double>(edge_) * numbers * pixels + 4 * pairs) * sizeof(double);
}

template <class Real>
std::string PixelEngine<Real>::name() const {
  return fmt::format("pixel pairs ({}){}{}", vector_target(), why_.empty() ? "" : ": planes do not know ",
                     why_);
}

template class PixelEngine<float>;
template class PixelEngine<double>;

}  // namespace widegram::kernels
