#include <algorithm>

#include "src/dkm/conv_op.hpp"
#include "src/dkm/windows.hpp"

namespace widegram::dkm {
namespace {

template <class Real>
class InputOp final : public Op<Real> {
 public:
  InputOp(const InputLayer& layer, const SampleShape& shape, const Slice& patches)
      : patches_(patches),
        shape_(shape),
        windows_{shape.height, shape.width, layer.size, 1},
        means_(windows_),
        padded_(shape.height, shape.width, windows_.pad(), shape.channels) {
    this->in = {shape.channels, shape.height, shape.width};
    this->out = {layer.points, windows_.out_height(), windows_.out_width()};
  }

  void set_samples(MatrixView<const double> samples) { samples_ = samples; }

  Gram chain(std::span<const double> parameters, const Gram&, const Gram&, Chain&) override {
    const auto patches = patches_.of(parameters);
    const double share = 1.0 / static_cast<double>(patches.rows);
    Gram ii(patches.cols, patches.cols);
    multiply(share, CblasTrans, patches, CblasNoTrans, patches, 0, ii.view());
    panels_.resize(patches.cols, patches.rows);
    for (Index p = 0; p < patches.cols; ++p)
      for (Index f = 0; f < patches.rows; ++f) panels_.set(p, depth_of(f), share * patches(f, p));
    return ii;
  }

  void chain_adjoint(std::span<const double> parameters, std::span<const double> sums, const Gram& d_out,
                     Gram&, Gram&, const Chain&, std::span<double> d_parameters) override {
    const auto patches = patches_.of(parameters);
    const auto d_patches = patches_.of(d_parameters);
    const double share = 1.0 / static_cast<double>(patches.rows);
    multiply(2 * share, CblasNoTrans, patches, CblasNoTrans, d_out.view(), 1, d_patches);
    for (Index p = 0; p < patches.cols; ++p)
      for (Index f = 0; f < patches.rows; ++f)
        d_patches(f, p) += share * sums[static_cast<std::size_t>(depth_of(f) * this->out.rows() + p)];
  }

  Index sum_count() const override { return this->out.rows() * patches_.rows; }
  double flops() const override {
    return 4.0 * static_cast<double>(patches_.rows * this->out.points * this->out.positions());
  }
  bool rerun() const override { return false; }
  bool expensive() const override { return true; }

  void forward(Block<const Real>, Block<const Real>, Block<Real> out) override {
    const Real* const images = padded_images(out.samples);
    const Index rows = this->out.rows();
    panel_kernels<Real>().multiply(panels_.data(), rows, images, columns(out.samples), out.ti, rows, false);
    means_.values(at_least(squares_, out.samples * shape_.pixels()), out.samples, out.t);
  }

  void adjoint(Block<const Real>, Block<const Real>, Block<const Real>, Block<const Real> d_out, Block<Real>,
               Block<Real>, std::span<Real> sums) override {
    panel_kernels<Real>().outer(d_out.ti, this->out.rows(), padded_images(d_out.samples),
                                columns(d_out.samples), sums.data());
  }

 private:
  Columns columns(Index samples) const { return windows_.columns(samples, shape_.channels); }

  /// Feature f of a patch (channel, row, column) in a window (row, column, channel).
  Index depth_of(Index f) const {
    const Index area = windows_.size * windows_.size;
    return f % area * shape_.channels + f / area;
  }

  /// Pixels with their channels side by side, zeros around; squares_: the mean over a pixel's channels.
  const Real* padded_images(Index samples) {
    Real* const to = padded_.reserve(samples);
    Real* const squares = at_least(squares_, samples * shape_.pixels());
    for (Index s = 0; s < samples; ++s)
      for (Index y = 0; y < shape_.height; ++y)
        for (Index x = 0; x < shape_.width; ++x) {
          const Index pixel = y * shape_.width + x;
          double square = 0;
          for (Index c = 0; c < shape_.channels; ++c) {
            const double value = samples_(c * shape_.pixels() + pixel, s);
            square += value * value;
            to[padded_.row(s, y) + x * shape_.channels + c] = static_cast<Real>(value);
          }
          squares[s * shape_.pixels() + pixel] =
              static_cast<Real>(square / static_cast<double>(shape_.channels));
        }
    return to;
  }

  Slice patches_;
  SampleShape shape_;
  Windows windows_;
  WindowMeans means_;
  PaddedImages<Real> padded_;
  AlignedVector<Real> squares_;
  Panels<Real> panels_;
  MatrixView<const double> samples_;
};

}  // namespace

template <class Real>
OpPointer<Real> make_input_op(const InputLayer& layer, const SampleShape& shape, const Slice& patches) {
  return std::make_unique<InputOp<Real>>(layer, shape, patches);
}
template <class Real>
void set_samples(Op<Real>& input, MatrixView<const double> samples) {
  static_cast<InputOp<Real>&>(input).set_samples(samples);
}

template OpPointer<float> make_input_op(const InputLayer&, const SampleShape&, const Slice&);
template OpPointer<double> make_input_op(const InputLayer&, const SampleShape&, const Slice&);
template void set_samples(Op<float>&, MatrixView<const double>);
template void set_samples(Op<double>&, MatrixView<const double>);

}  // namespace widegram::dkm
