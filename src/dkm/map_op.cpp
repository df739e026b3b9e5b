#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "src/dkm/layer_ops.hpp"
#include "src/dkm/passes.hpp"

namespace widegram::dkm {
namespace {

template <class Real>
class MapOp final : public Op<Real> {
 public:
  MapOp(const MapLayer& layer, const ValueShape& in, double jitter, const Slice& logs)
      : layer_(layer),
        logs_(logs),
        jitter_(jitter),
        arccos_(layer.map.kind == MapSpec::Kind::arccos),
        exact_(make_kernel_map<double>(layer.map)),
        map_(make_kernel_map<Real>(layer.map)) {
    this->in = this->out = in;
  }

  void initialise(std::span<double> parameters, const Gram&, std::uint64_t) const override {
    parameters[static_cast<std::size_t>(logs_.begin)] = std::log(layer_.weight);
    parameters[static_cast<std::size_t>(logs_.begin + 1)] = std::log(layer_.bias);
  }

  Gram chain(std::span<const double> parameters, const Gram& in, const Gram&, Chain&) override {
    weight_ = std::exp(parameters[static_cast<std::size_t>(logs_.begin)]);
    bias_ = std::exp(parameters[static_cast<std::size_t>(logs_.begin + 1)]);
    gram_ = in;
    for (Index i = 0; i < in.rows(); ++i) gram_(i, i) = jittered(in(i, i));
    kernel_ = Gram(in.rows(), in.cols());
    symmetric_values(*exact_, gram_.view(), kernel_.view());
    Gram ii = kernel_;
    for (Index k = 0; k < in.rows() * in.cols(); ++k) ii.data()[k] = weight_ * ii.data()[k] + bias_;
    for (Index i = 0; i < in.rows(); ++i) ii(i, i) = jittered(ii(i, i));
    take_left();
    return ii;
  }

  void chain_adjoint(std::span<const double>, std::span<const double> sums, const Gram& d_out, Gram& d_in,
                     Gram&, const Chain&, std::span<double> d_parameters) override {
    const Index points = this->in.points;
    Gram d_kernel = d_out;
    for (Index i = 0; i < points; ++i) d_kernel(i, i) *= 1 + jitter_;
    double by_weight = dot(d_kernel, kernel_), by_bias = 0;
    for (Index k = 0; k < points * points; ++k) by_bias += d_kernel.data()[k];
    for (Index k = 0; k < points * points; ++k) d_kernel.data()[k] *= weight_;
    Gram d_gram(points, points);
    symmetric_adjoint(*exact_, gram_.view(), d_kernel.view(), d_gram.view());
    for (Index i = 0; i < points; ++i) {
      d_gram(i, i) += sums[static_cast<std::size_t>(i)] * (arccos_ ? weight_ * left_factor(gram_(i, i)) : 1);
      d_gram(i, i) *= 1 + jitter_;
    }
    add(d_in, 1, d_gram);
    // The data's sum_n d_out out and sum_n d_out: out = w k + b.
    const double products = sums[static_cast<std::size_t>(this->in.rows())];
    const double plain = sums[static_cast<std::size_t>(this->in.rows() + 1)];
    by_bias += plain;
    d_parameters[static_cast<std::size_t>(logs_.begin)] += weight_ * by_weight + products - bias_ * plain;
    d_parameters[static_cast<std::size_t>(logs_.begin + 1)] += bias_ * by_bias;
  }

  Index sum_count() const override { return this->in.rows() + 2; }

  void forward(Block<const Real> in, Block<const Real>, Block<Real> out) override {
    take_right(in);
    const Index rows = this->in.rows(), count = in.samples * this->in.positions();
    const Real weight = static_cast<Real>(weight_), bias = static_cast<Real>(bias_);
    if (arccos_) {
      column_passes<Real>().arccos(in.ti, rows, count, {left_root_.data(), left_inverse_.data()},
                                   {right_root_.data(), right_inverse_.data()}, weight, bias, out.ti,
                                   at_least(slope_, rows * count), at_least(sine_, rows * count));
    } else {
      const MatrixView<Real> values(out.ti, this->in.points, count, rows);
      map_->values({in.ti, this->in.points, count, rows}, left_, right_, values);
      for (Index n = 0; n < count; ++n)
        for (Index i = 0; i < this->in.points; ++i) values(i, n) = weight * values(i, n) + bias;
    }
    const auto size = static_cast<std::size_t>(count);
    map_->diagonal({in.t, size}, {out.t, size});
    for (Index n = 0; n < count; ++n) out.t[n] = jittered(weight * out.t[n] + bias);
  }

  void adjoint(Block<const Real> in, Block<const Real>, Block<const Real> out, Block<const Real> d_out,
               Block<Real> d_in, Block<Real>, std::span<Real> sums) override {
    const Index rows = this->in.rows(), count = in.samples * this->in.positions();
    add_affine_sums(out, d_out, count, sums);
    const Real weight = static_cast<Real>(weight_);
    right_sums_.assign(static_cast<std::size_t>(count), Real{0});
    if (arccos_) {
      column_passes<Real>().arccos_adjoint(d_out.ti, rows, count, left_root_.data(), right_root_.data(),
                                           slope_.data(), sine_.data(), d_in.ti, sums.data(),
                                           right_sums_.data());
      for (Index n = 0; n < count; ++n) {
        const auto at = static_cast<std::size_t>(n);
        right_sums_[at] *= weight * static_cast<Real>(0.5 / std::numbers::pi) * right_inverse_[at];
      }
    } else {
      column_passes<Real>().combine(weight, d_out.ti, 0, nullptr, rows * count, d_in.ti);
      const MatrixView<Real> d_cross(d_in.ti, this->in.points, count, rows);
      map_->adjoint({in.ti, this->in.points, count, rows}, left_, right_, d_cross, d_cross,
                    sums.subspan(0, left_.size()), right_sums_);
    }
    const Real once = static_cast<Real>(1 + jitter_);
    const auto size = static_cast<std::size_t>(count);
    d_t_.resize(size);
    for (Index n = 0; n < count; ++n) {
      d_t_[static_cast<std::size_t>(n)] = once * weight * d_out.t[n];
      d_in.t[n] = once * right_sums_[static_cast<std::size_t>(n)];
    }
    map_->diagonal_adjoint({in.t, size}, d_t_, {d_in.t, size});
  }

 private:
  double jittered(double a) const { return a * (1 + jitter_) + jitter_; }
  float jittered(float a) const { return static_cast<float>(jittered(static_cast<double>(a))); }
  /// dK/da = root_n sine times this.
  static double left_factor(double variance) { return 0.5 / (std::numbers::pi * std::sqrt(variance)); }

  void take_left() {
    left_.resize(static_cast<std::size_t>(this->in.points));
    left_root_.assign(static_cast<std::size_t>(this->in.rows()), Real{0});
    left_inverse_ = left_root_;
    for (std::size_t i = 0; i < left_.size(); ++i) {
      const double variance = gram_(static_cast<Index>(i), static_cast<Index>(i));
      left_[i] = static_cast<Real>(variance);
      left_root_[i] = static_cast<Real>(std::sqrt(variance));
      left_inverse_[i] = static_cast<Real>(1 / std::sqrt(variance));
    }
  }

  void take_right(Block<const Real> in) {
    const auto count = static_cast<std::size_t>(in.samples * this->in.positions());
    right_.resize(count);
    right_root_.resize(count);
    right_inverse_.resize(count);
    for (std::size_t n = 0; n < count; ++n) {
      right_[n] = jittered(in.t[n]);
      right_root_[n] = std::sqrt(right_[n]);
      right_inverse_[n] = right_[n] > 0 ? 1 / right_root_[n] : Real{0};
    }
  }

  void add_affine_sums(Block<const Real> out, Block<const Real> d_out, Index count, std::span<Real> sums) {
    const Index rows = this->in.rows(), points = this->in.points;
    ones_.assign(static_cast<std::size_t>(rows), Real{0});
    std::fill_n(ones_.begin(), points, Real{1});
    right_sums_.resize(static_cast<std::size_t>(count));
    Real products = 0, plain = 0;
    column_passes<Real>().column_dots(out.ti, rows, d_out.ti, rows, rows, count, right_sums_.data());
    for (const Real sum : right_sums_) products += sum;
    column_passes<Real>().column_dots(ones_.data(), 0, d_out.ti, rows, rows, count, right_sums_.data());
    for (const Real sum : right_sums_) plain += sum;
    const Real once = static_cast<Real>(1 + jitter_), eps = static_cast<Real>(jitter_);
    for (Index n = 0; n < count; ++n) {
      products += d_out.t[n] * (out.t[n] - eps);
      plain += once * d_out.t[n];
    }
    sums[static_cast<std::size_t>(rows)] += products;
    sums[static_cast<std::size_t>(rows + 1)] += plain;
  }

  MapLayer layer_;
  Slice logs_;
  double jitter_, weight_ = 1, bias_ = 0;
  bool arccos_;  // has passes of its own
  std::unique_ptr<KernelMap<double>> exact_;
  std::unique_ptr<KernelMap<Real>> map_;
  Gram gram_, kernel_;
  std::vector<Real> left_, left_root_, left_inverse_;
  std::vector<Real> right_, right_root_, right_inverse_, right_sums_, ones_, d_t_;
  AlignedVector<Real> slope_, sine_;
};

}  // namespace

template <class Real>
OpPointer<Real> make_map_op(const MapLayer& layer, const ValueShape& in, double jitter, const Slice& logs) {
  return std::make_unique<MapOp<Real>>(layer, in, jitter, logs);
}
template OpPointer<float> make_map_op(const MapLayer&, const ValueShape&, double, const Slice&);
template OpPointer<double> make_map_op(const MapLayer&, const ValueShape&, double, const Slice&);

}  // namespace widegram::dkm
