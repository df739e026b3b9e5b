#include "src/kernels/pixel_engine.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>

#include "src/kernels/interpreter.hpp"
#include "src/kernels/sample_set.hpp"
#include "src/kernels/shapes.hpp"
#include "src/kernels/steps.hpp"

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
  Samples(const PixelEngine& engine, MatrixView<const Real> inputs, std::span<const std::int64_t> ids)
      : SampleSet<Real>(inputs, ids, 1) {
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
    this->set_diagonals(std::move(nngp), std::move(ntk));
  }

  Member member(const std::vector<VarianceLayer>& layers, Index i) const {
    return {in_double(this->inputs(), i),
            make_trace<double>(layers, variances_[static_cast<std::size_t>(i)])};
  }

 private:
  std::vector<Variances> variances_;  ///< of every pixel, sample by sample
};

template <class Real>
PixelEngine<Real>::PixelEngine(Network network, SampleShape input)
    : network_(std::move(network)),
      input_(input),
      layout_(mixes_pixels(network_) ? Layout::outer : Layout::paired),
      variance_layers_(kernels::variance_layers(network_)),
      only_ids_(drops_out(network_)),
      flops_per_entry_(kernels::flops_per_entry(network_, input)),
      bytes_per_sample_(sample_set_bytes<Real>(input.features())) {
  for (const LayerReport& report : check_shapes(network_, input))
    bytes_per_sample_ += static_cast<double>(report.variances) * sizeof(double);
}

template <class Real>
std::unique_ptr<Prepared> PixelEngine<Real>::prepare(MatrixView<const Real> inputs,
                                                     std::span<const std::int64_t> ids) const {
  return std::make_unique<Samples>(*this, inputs, ids);
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
                             TileOutput<Real> out) const {
  const auto& row_samples = dynamic_cast<const Samples&>(rows);
  const auto& col_samples = dynamic_cast<const Samples&>(cols);
  const Range row_range{row, row + rows_of(out).size()};
  const Range col_range{col, col + cols_of(out).size()};
  const Sameness same{only_ids_};
  const bool symmetric = row_samples.ids(row_range) == col_samples.ids(col_range);
  std::vector<Member> row_members;
  for (Index i = row_range.begin; i < row_range.end; ++i)
    row_members.push_back(row_samples.member(variance_layers_, i));

  Workspace<double> workspace;
  for (Index j = 0; j < col_range.size(); ++j) {
    const Member z = col_samples.member(variance_layers_, col + j);
    for (Index i = symmetric ? j : 0; i < row_range.size(); ++i) {
      std::pair<double, double> values{row_samples.diagonal(Function::nngp, row + i),
                                       row_samples.diagonal(Function::ntk, row + i)};
      if (!same(row_samples, row + i, col_samples, col + j))
        values = entry(row_members[static_cast<std::size_t>(i)], z, !out.ntk.empty(), workspace);
      set_entry(out, i, j, values.first, values.second);
      if (symmetric) set_entry(out, j, i, values.first, values.second);
    }
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

template <class Real>
std::string PixelEngine<Real>::name() const {
  return fmt::format("pixel pairs ({})", vector_target());
}

template class PixelEngine<float>;
template class PixelEngine<double>;

}  // namespace widegram::kernels
