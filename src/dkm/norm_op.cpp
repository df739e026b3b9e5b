#include <algorithm>
#include <cmath>
#include <vector>

#include "src/dkm/layer_ops.hpp"
#include "src/dkm/passes.hpp"

namespace widegram::dkm {
namespace {

/// ii_ij alpha_i alpha_j, ti alpha_i beta_n, t beta_n^2 with alpha = e^a / n_i, beta = e^c / n_t.
template <class Real>
class NormOp final : public Op<Real> {
 public:
  NormOp(const NormLayer& layer, const ValueShape& in, const Slice& inducing_logs, const Slice& data_logs)
      : layer_(layer), inducing_logs_(inducing_logs), data_logs_(data_logs) {
    this->in = this->out = in;
    statistic_sums_.assign(static_cast<std::size_t>(statistic_count()), 0.0);
    data_factors_.assign(static_cast<std::size_t>(in.positions()), Real{1});
  }

  Gram chain(std::span<const double> parameters, const Gram& in, const Gram&, Chain&) override {
    const Index points = this->in.points;
    kernel_ = in;
    alpha_.assign(static_cast<std::size_t>(points), 1.0);
    const double mean = trace(in) / static_cast<double>(points);
    for (Index i = 0; i < points; ++i) {
      double& alpha = alpha_[static_cast<std::size_t>(i)];
      if (layer_.inducing != Norm::none)
        alpha = 1 / std::sqrt(layer_.inducing == Norm::global ? mean : in(i, i));
      alpha *= std::exp(log_at(parameters, inducing_logs_, i));
    }
    Gram ii = in;
    for (Index j = 0; j < points; ++j)
      for (Index i = 0; i < points; ++i)
        ii(i, j) *= alpha_[static_cast<std::size_t>(i)] * alpha_[static_cast<std::size_t>(j)];
    rows_.assign(static_cast<std::size_t>(this->in.rows()), Real{0});
    std::copy(alpha_.begin(), alpha_.end(), rows_.begin());
    for (std::size_t s = 0; s < data_factors_.size(); ++s)
      data_factors_[s] = static_cast<Real>(std::exp(log_at(parameters, data_logs_, static_cast<Index>(s))));
    return ii;
  }

  void chain_adjoint(std::span<const double>, std::span<const double> sums, const Gram& d_out, Gram& d_in,
                     Gram&, const Chain&, std::span<double> d_parameters) override {
    const Index points = this->in.points;
    const auto alpha = [&](Index i) { return alpha_[static_cast<std::size_t>(i)]; };
    std::vector<double> by_log(static_cast<std::size_t>(points));  // of alpha
    double all = 0;
    for (Index i = 0; i < points; ++i) {
      double sum = 0;
      for (Index j = 0; j < points; ++j) {
        const double product = d_out(i, j) * alpha(i) * alpha(j);
        sum += 2 * product * kernel_(i, j);
        d_in(i, j) += product;
      }
      by_log[static_cast<std::size_t>(i)] = sum + alpha(i) * sums[static_cast<std::size_t>(i)];
      all += by_log[static_cast<std::size_t>(i)];
      add_log(d_parameters, inducing_logs_, i, by_log[static_cast<std::size_t>(i)]);
    }
    for (Index i = 0; i < points; ++i) {
      if (layer_.inducing == Norm::global) d_in(i, i) -= all / (2 * trace(kernel_));
      if (layer_.inducing == Norm::local)
        d_in(i, i) -= by_log[static_cast<std::size_t>(i)] / (2 * kernel_(i, i));
    }
    for (Index s = 0; s < this->in.positions(); ++s)
      add_log(d_parameters, data_logs_, s, sums[static_cast<std::size_t>(this->in.rows() + s)]);
  }

  Index sum_count() const override { return this->in.rows() + this->in.positions(); }
  bool rerun() const override { return false; }

  void forward(Block<const Real> in, Block<const Real>, Block<Real> out) override {
    const Index count = in.samples * this->in.positions();
    const Real* const beta = factors(in);
    column_passes<Real>().scale(in.ti, this->in.rows(), count, rows_.data(), beta, out.ti);
    for (Index n = 0; n < count; ++n) out.t[n] = beta[n] * beta[n] * in.t[n];
  }

  void adjoint(Block<const Real> in, Block<const Real>, Block<const Real> out, Block<const Real> d_out,
               Block<Real> d_in, Block<Real>, std::span<Real> sums) override {
    const Index rows = this->in.rows(), positions = this->in.positions(), count = in.samples * positions;
    const Real* const beta = factors(in);
    by_log_.resize(static_cast<std::size_t>(count));
    column_passes<Real>().scale_sums(in.ti, d_out.ti, rows, count, rows_.data(), beta, sums.data(),
                                     by_log_.data());
    column_passes<Real>().scale(d_out.ti, rows, count, rows_.data(), beta, d_in.ti);
    for (Index n = 0; n < count; ++n) {
      Real& by_log = by_log_[static_cast<std::size_t>(n)];
      by_log = by_log * beta[n] + 2 * d_out.t[n] * out.t[n];
      d_in.t[n] = beta[n] * beta[n] * d_out.t[n];
      if (layer_.data == Norm::local) d_in.t[n] -= by_log / (2 * in.t[n]);
      sums[static_cast<std::size_t>(rows + n % positions)] += by_log;
      if (layer_.data == Norm::global) statistic_sums_[0] += static_cast<double>(by_log);
      if (layer_.data == Norm::location)
        statistic_sums_[static_cast<std::size_t>(n % positions)] += static_cast<double>(by_log);
    }
    if (layer_.data == Norm::image) add_image_adjoint(in, d_in);
  }

  Index statistic_count() const override {
    if (layer_.data == Norm::global) return 1;
    return layer_.data == Norm::location ? this->in.positions() : 0;
  }
  void add_statistics(Block<const Real> in, std::span<double> sums) const override {
    const Index positions = this->in.positions();
    for (Index n = 0; n < in.samples * positions; ++n)
      sums[layer_.data == Norm::global ? 0 : static_cast<std::size_t>(n % positions)] +=
          static_cast<double>(in.t[n]);
  }
  void set_statistics(std::span<const double> sums, Index samples) override {
    means_.assign(static_cast<std::size_t>(this->in.positions()), Real{0});
    const double one = static_cast<double>(samples);
    const double all = one * static_cast<double>(this->in.positions());
    for (std::size_t s = 0; s < means_.size(); ++s)
      means_[s] = static_cast<Real>(layer_.data == Norm::global ? sums[0] / all : sums[s] / one);
  }
  void take_statistic_sums(std::span<double> sums) override {
    std::copy(statistic_sums_.begin(), statistic_sums_.end(), sums.begin());
    std::fill(statistic_sums_.begin(), statistic_sums_.end(), 0.0);
  }
  void add_statistic_adjoint(std::span<const double> sums, Index samples, Block<Real> d_in) const override {
    const Index positions = this->in.positions();
    for (Index n = 0; n < d_in.samples * positions; ++n) {
      const auto s = static_cast<std::size_t>(n % positions);
      const double mean = static_cast<double>(means_[s]);
      const double share = layer_.data == Norm::global ? sums[0] / static_cast<double>(positions) : sums[s];
      d_in.t[n] -= static_cast<Real>(share / (2 * mean * static_cast<double>(samples)));
    }
  }

 private:
  static double log_at(std::span<const double> parameters, const Slice& logs, Index i) {
    if (logs.count() == 0) return 0;
    return parameters[static_cast<std::size_t>(logs.begin + (logs.count() == 1 ? 0 : i))];
  }
  static void add_log(std::span<double> d_parameters, const Slice& logs, Index i, double value) {
    if (logs.count() > 0)
      d_parameters[static_cast<std::size_t>(logs.begin + (logs.count() == 1 ? 0 : i))] += value;
  }

  /// beta of every column.
  const Real* factors(Block<const Real> in) {
    const Index positions = this->in.positions(), count = in.samples * positions;
    beta_.resize(static_cast<std::size_t>(count));
    Real mean = 1;  // of the image
    for (Index n = 0; n < count; ++n) {
      const auto s = static_cast<std::size_t>(n % positions);
      Real square = 1;
      switch (layer_.data) {
        case Norm::none:
          break;
        case Norm::local:
          square = in.t[n];
          break;
        case Norm::image:
          if (s == 0) mean = image_mean(in, n / positions);
          square = mean;
          break;
        case Norm::global:
        case Norm::location:
          square = means_[s];
          break;
      }
      beta_[static_cast<std::size_t>(n)] = data_factors_[s] / std::sqrt(square);
    }
    return beta_.data();
  }
  Real image_mean(Block<const Real> in, Index sample) const {
    const Index positions = this->in.positions();
    Real sum = 0;
    for (Index s = 0; s < positions; ++s) sum += in.t[sample * positions + s];
    return sum / static_cast<Real>(positions);
  }
  void add_image_adjoint(Block<const Real> in, Block<Real> d_in) const {
    const Index positions = this->in.positions();
    for (Index sample = 0; sample < in.samples; ++sample) {
      Real sum = 0;
      for (Index s = 0; s < positions; ++s) sum += by_log_[static_cast<std::size_t>(sample * positions + s)];
      const Real share = sum / (2 * image_mean(in, sample) * static_cast<Real>(positions));
      for (Index s = 0; s < positions; ++s) d_in.t[sample * positions + s] -= share;
    }
  }

  NormLayer layer_;
  Slice inducing_logs_, data_logs_;
  Gram kernel_;
  std::vector<double> alpha_, statistic_sums_;
  std::vector<Real> rows_, data_factors_, means_, beta_, by_log_;
};

/// weight first + second_weight second.
template <class Real>
class SumOp final : public Op<Real> {
 public:
  SumOp(const ValueShape& in, double weight, double second_weight)
      : weight_(weight), second_weight_(second_weight) {
    this->in = this->out = in;
  }

  Gram chain(std::span<const double>, const Gram& in, const Gram& second, Chain&) override {
    Gram ii(in.rows(), in.cols());
    add(ii, weight_, in);
    add(ii, second_weight_, second);
    return ii;
  }
  void chain_adjoint(std::span<const double>, std::span<const double>, const Gram& d_out, Gram& d_in,
                     Gram& d_second, const Chain&, std::span<double>) override {
    add(d_in, weight_, d_out);
    add(d_second, second_weight_, d_out);
  }
  bool rerun() const override { return false; }

  void forward(Block<const Real> in, Block<const Real> second, Block<Real> out) override {
    combine(weight_, in, second_weight_, second, out);
  }
  void adjoint(Block<const Real>, Block<const Real>, Block<const Real>, Block<const Real> d_out,
               Block<Real> d_in, Block<Real> d_second, std::span<Real>) override {
    combine(weight_, d_out, 0, {}, d_in);
    combine(second_weight_, d_out, 0, {}, d_second);
  }

 private:
  void combine(double a, Block<const Real> x, double b, Block<const Real> y, Block<Real> out) const {
    const Index count = x.samples * this->in.positions();
    const Real first = static_cast<Real>(a), second = static_cast<Real>(b);
    column_passes<Real>().combine(first, x.ti, second, y.ti, count * this->in.rows(), out.ti);
    column_passes<Real>().combine(first, x.t, second, y.t, count, out.t);
  }

  double weight_, second_weight_;
};

}  // namespace

template <class Real>
OpPointer<Real> make_norm_op(const NormLayer& layer, const ValueShape& in, const Slice& inducing_logs,
                             const Slice& data_logs) {
  return std::make_unique<NormOp<Real>>(layer, in, inducing_logs, data_logs);
}
template <class Real>
OpPointer<Real> make_sum_op(const ValueShape& in, double weight, double second_weight) {
  return std::make_unique<SumOp<Real>>(in, weight, second_weight);
}
template OpPointer<float> make_norm_op(const NormLayer&, const ValueShape&, const Slice&, const Slice&);
template OpPointer<double> make_norm_op(const NormLayer&, const ValueShape&, const Slice&, const Slice&);
template OpPointer<float> make_sum_op(const ValueShape&, double, double);
template OpPointer<double> make_sum_op(const ValueShape&, double, double);

}  // namespace widegram::dkm
