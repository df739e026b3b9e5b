#include "src/dkm/conv_op.hpp"

#include <algorithm>
#include <cmath>

#include "src/base/random.hpp"
#include "src/dkm/passes.hpp"
#include "src/dkm/windows.hpp"

namespace widegram::dkm {
namespace {

template <class Real>
class ConvOp final : public Op<Real> {
 public:
  ConvOp(const ConvLayer& layer, const ValueShape& in, const Slice& weights)
      : weights_(weights),
        windows_{in.height, in.width, layer.size, layer.stride},
        means_(windows_),
        input_(in.height, in.width, windows_.pad(), in.rows()),
        d_input_(in.height, in.width, windows_.pad(), in.rows()),
        back_windows_{windows_.out_height(), windows_.out_width(), layer.size, 1},
        output_(windows_.out_height(), windows_.out_width(), windows_.pad(), padded_rows(layer.points)) {
    this->in = in;
    this->out = {layer.points, windows_.out_height(), windows_.out_width()};
  }

  void initialise(std::span<double> parameters, const Gram&, std::uint64_t seed) const override {
    // Named by its place among the parameters: every layer has its own numbers.
    const CounterRandom random(seed, static_cast<std::uint32_t>(weights_.begin));
    for (Index k = 0; k < weights_.count(); ++k)
      parameters[static_cast<std::size_t>(weights_.begin + k)] = random.normal(static_cast<std::uint64_t>(k));
  }

  Gram chain(std::span<const double> parameters, const Gram& in, const Gram&, Chain&) override {
    const double* const w = parameters.data() + weights_.begin;
    const Index area = taps();
    const double share = 1.0 / static_cast<double>(area);
    taps_.assign(static_cast<std::size_t>(area), Gram(this->out.points, this->in.points));
    panels_.resize(this->out.points, area * this->in.rows());
    if (windows_.stride == 1)
      back_.resize(this->in.points, area * this->out.rows());
    else
      back_.resize(area * this->in.rows(), this->out.rows());
    for (Index o = 0; o < this->out.points; ++o)
      for (Index i = 0; i < this->in.points; ++i)
        for (Index d = 0; d < area; ++d) {
          const double value = w[(o * this->in.points + i) * area + d] * scale();
          taps_[static_cast<std::size_t>(d)](o, i) = value;
          panels_.set(o, d * this->in.rows() + i, share * value);
          if (windows_.stride == 1)
            back_.set(i, (area - 1 - d) * this->out.rows() + o, share * value);
          else
            back_.set(d * this->in.rows() + i, o, share * value);
        }
    in_ = in;
    Gram ii(this->out.points, this->out.points);
    for (const Gram& tap : taps_)
      multiply(share, CblasNoTrans, product(tap, in).view(), CblasTrans, tap.view(), 1, ii.view());
    return ii;
  }

  void chain_adjoint(std::span<const double>, std::span<const double> sums, const Gram& d_out, Gram& d_in,
                     Gram&, const Chain&, std::span<double> d_parameters) override {
    double* const d_w = d_parameters.data() + weights_.begin;
    const Index area = taps();
    const double share = 1.0 / static_cast<double>(area);
    for (Index d = 0; d < area; ++d) {
      const Gram& tap = taps_[static_cast<std::size_t>(d)];
      const Gram turned = product(d_out, tap);
      multiply(share, CblasTrans, tap.view(), CblasNoTrans, turned.view(), 1, d_in.view());
      const Gram d_tap = product(turned, in_);
      for (Index o = 0; o < this->out.points; ++o)
        for (Index i = 0; i < this->in.points; ++i)
          d_w[(o * this->in.points + i) * area + d] +=
              scale() * share *
              (2 * d_tap(o, i) +
               sums[static_cast<std::size_t>((d * this->in.rows() + i) * this->out.rows() + o)]);
    }
  }

  Index sum_count() const override { return this->out.rows() * taps() * this->in.rows(); }
  double flops() const override {
    return 6.0 * static_cast<double>(taps() * this->in.points * this->out.points * this->out.positions());
  }
  /// Two products of a tap onwards and three back.
  double chain_flops() const override {
    const auto from = static_cast<double>(this->in.points), to = static_cast<double>(this->out.points);
    return static_cast<double>(taps()) * (6 * to * from * from + 4 * to * to * from);
  }
  bool rerun() const override { return false; }
  bool expensive() const override { return true; }

  void forward(Block<const Real> in, Block<const Real>, Block<Real> out) override {
    const Index rows = this->out.rows();
    panel_kernels<Real>().multiply(panels_.data(), rows, input_.fill(in.ti, in.samples), columns(in.samples),
                                   out.ti, rows, false);
    means_.values(in.t, in.samples, out.t);
  }

  void adjoint(Block<const Real> in, Block<const Real>, Block<const Real>, Block<const Real> d_out,
               Block<Real> d_in, Block<Real>, std::span<Real> sums) override {
    const Real* const images = input_.fill(in.ti, in.samples);
    panel_kernels<Real>().outer(d_out.ti, this->out.rows(), images, columns(in.samples), sums.data());
    means_.adjoint(d_out.t, in.samples, d_in.t);
    if (windows_.stride == 1)
      back(d_out, d_in);
    else
      scatter(d_out, d_in);
  }

 private:
  Index taps() const { return windows_.size * windows_.size; }
  double scale() const { return 1 / std::sqrt(static_cast<double>(this->in.points)); }
  Columns columns(Index samples) const { return windows_.columns(samples, this->in.rows()); }

  /// The adjoint of a convolution without stride is one with the weights turned round.
  void back(Block<const Real> d_out, Block<Real> d_in) {
    const Index rows = this->in.rows();
    panel_kernels<Real>().multiply(back_.data(), rows, output_.fill(d_out.ti, d_out.samples),
                                   back_windows_.columns(d_out.samples, this->out.rows()), d_in.ti, rows,
                                   false);
  }

  /// With a stride: all that a position brings to its window, window by window.
  void scatter(Block<const Real> d_out, Block<Real> d_in) {
    const Index depth = taps() * this->in.rows();
    const Index positions = this->out.positions();
    Real* const windows = at_least(windows_scratch_, depth * positions);
    Real* const images = d_input_.clear(d_out.samples);
    for (Index s = 0; s < d_out.samples; ++s) {
      const Real* const from = d_out.ti + s * positions * this->out.rows();
      panel_kernels<Real>().multiply(back_.data(), depth, from, plain_columns(this->out.rows(), positions),
                                     windows, depth, false);
      add_windows(windows, images, s);
    }
    d_input_.take_inside(d_out.samples, d_in.ti);
  }

  void add_windows(const Real* windows, Real* images, Index sample) {
    const Columns to = columns(sample + 1);
    for (Index y = 0; y < to.height; ++y)
      for (Index x = 0; x < to.width; ++x)
        for (Index row = 0; row < to.segments; ++row, windows += to.length) {
          Real* const place =
              images + sample * to.image_step + y * to.row_step + x * to.column_step + row * to.segment_step;
          column_passes<Real>().combine(1, place, 1, windows, to.length, place);
        }
  }

  Slice weights_;
  Windows windows_;
  WindowMeans means_;
  PaddedImages<Real> input_, d_input_;
  Windows back_windows_;  // of the output, whose windows' places are those of the input
  PaddedImages<Real> output_;
  Panels<Real> panels_, back_;
  AlignedVector<Real> windows_scratch_;
  std::vector<Gram> taps_;
  Gram in_;
};

}  // namespace

template <class Real>
OpPointer<Real> make_conv_op(const ConvLayer& layer, const ValueShape& in, const Slice& weights) {
  return std::make_unique<ConvOp<Real>>(layer, in, weights);
}
template OpPointer<float> make_conv_op(const ConvLayer&, const ValueShape&, const Slice&);
template OpPointer<double> make_conv_op(const ConvLayer&, const ValueShape&, const Slice&);

}  // namespace widegram::dkm
