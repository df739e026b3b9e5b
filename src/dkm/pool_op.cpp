#include <algorithm>
#include <cmath>
#include <vector>

#include "src/dkm/layer_ops.hpp"
#include "src/dkm/passes.hpp"

namespace widegram::dkm {
namespace {

/// ti <- its mean m over the S positions, t <- m^T K^-1 m + sum_s (t_s - ti_s^T K^-1 ti_s) / S^2; the squares
/// as |L^-1 m|^2 with K = L L^T.
template <class Real>
class PoolOp final : public Op<Real> {
 public:
  explicit PoolOp(const ValueShape& in) {
    this->in = in;
    this->out = {in.points, 1, 1};
  }

  Gram chain(std::span<const double>, const Gram& in, const Gram&, Chain&) override {
    factored_ = factor(in, this->name);
    root_.assign(factored_.inverse_lower.data(), in.rows(), 1, in.rows(), in.rows());
    inverse_.assign(factored_.inverse.data(), in.rows(), 1, in.rows(), in.rows());
    return in;
  }

  void chain_adjoint(std::span<const double>, std::span<const double> sums, const Gram& d_out, Gram& d_in,
                     Gram&, const Chain&, std::span<double>) override {
    Gram d_inverse(this->in.points, this->in.points);
    for (Index j = 0; j < d_inverse.cols(); ++j)
      for (Index i = 0; i < d_inverse.rows(); ++i)
        d_inverse(i, j) = sums[static_cast<std::size_t>(j * this->in.rows() + i)];
    add(d_in, 1, d_out);
    add(d_in, -1, product(product(factored_.inverse, symmetrised(d_inverse)), factored_.inverse));
  }

  Index sum_count() const override { return this->in.rows() * this->in.rows(); }
  /// A factorisation with its inverse, and two products.
  double chain_flops() const override {
    return (factor_flops + 4) * std::pow(static_cast<double>(this->in.points), 3);
  }
  bool rerun() const override { return false; }

  void forward(Block<const Real> in, Block<const Real>, Block<Real> out) override {
    const Index rows = this->in.rows(), positions = this->in.positions(), samples = in.samples;
    for (Index s = 0; s < samples; ++s) {
      const Real share = 1 / static_cast<Real>(positions);
      Real* const mean = out.ti + s * rows;
      const Real* const from = in.ti + s * positions * rows;
      column_passes<Real>().combine(share, from, 0, nullptr, rows, mean);
      for (Index p = 1; p < positions; ++p)
        column_passes<Real>().combine(1, mean, share, from + p * rows, rows, mean);
    }
    squares(out.ti, samples, out.t);
    squares_.resize(static_cast<std::size_t>(samples * positions));
    squares(in.ti, samples * positions, squares_.data());
    for (Index s = 0; s < samples; ++s)
      for (Index p = 0; p < positions; ++p) {
        const Index n = s * positions + p;
        out.t[s] += (in.t[n] - squares_[static_cast<std::size_t>(n)]) * unexplained();
      }
  }

  void adjoint(Block<const Real> in, Block<const Real>, Block<const Real> out, Block<const Real> d_out,
               Block<Real> d_in, Block<Real>, std::span<Real> sums) override {
    const Index rows = this->in.rows(), positions = this->in.positions(), samples = in.samples;
    // d m = d_out + 2 d_t K^-1 m, a share of it for each position; d ti_s = that - 2 d_t / S^2 K^-1 ti_s.
    Real* const d_mean = weighted(out.ti, d_out.t, samples, 1, 1);
    add_outer(d_mean, out.ti, samples, sums);
    Real* const by_mean = times_inverse(d_mean, samples);
    column_passes<Real>().combine(1, d_out.ti, 2, by_mean, samples * rows, by_mean);
    const std::vector<Real> means(by_mean, by_mean + samples * rows);
    Real* const d_positions = weighted(in.ti, d_out.t, samples, positions, -unexplained());
    add_outer(d_positions, in.ti, samples * positions, sums);
    const Real* const by_position = times_inverse(d_positions, samples * positions);
    for (Index n = 0; n < samples * positions; ++n) {
      column_passes<Real>().combine(2, by_position + n * rows, 1 / static_cast<Real>(positions),
                                    means.data() + n / positions * rows, rows, d_in.ti + n * rows);
      d_in.t[n] = d_out.t[n / positions] * unexplained();
    }
  }

 private:
  Real unexplained() const {
    return static_cast<Real>(1.0 / static_cast<double>(this->in.positions() * this->in.positions()));
  }

  void squares(const Real* ti, Index count, Real* out) {
    const Index rows = this->in.rows();
    Real* const roots = at_least(products_, rows * count);
    panel_kernels<Real>().multiply(root_.data(), rows, ti, plain_columns(rows, count), roots, rows, false);
    column_passes<Real>().column_dots(roots, rows, roots, rows, rows, count, out);
  }
  /// factor d_t ti, column by column.
  Real* weighted(const Real* ti, const Real* d_t, Index samples, Index positions, Real factor) {
    const Index rows = this->in.rows();
    Real* const to = at_least(weighted_, rows * samples * positions);
    for (Index n = 0; n < samples * positions; ++n)
      column_passes<Real>().combine(factor * d_t[n / positions], ti + n * rows, 0, nullptr, rows,
                                    to + n * rows);
    return to;
  }
  void add_outer(const Real* weighted_columns, const Real* ti, Index count, std::span<Real> sums) const {
    const Index rows = this->in.rows();
    panel_kernels<Real>().outer(weighted_columns, rows, ti, plain_columns(rows, count), sums.data());
  }
  Real* times_inverse(const Real* columns, Index count) {
    const Index rows = this->in.rows();
    Real* const to = at_least(products_, rows * count);
    panel_kernels<Real>().multiply(inverse_.data(), rows, columns, plain_columns(rows, count), to, rows,
                                   false);
    return to;
  }

  Factored factored_;
  Panels<Real> root_, inverse_;
  AlignedVector<Real> products_, weighted_;
  std::vector<Real> squares_;
};

}  // namespace

template <class Real>
OpPointer<Real> make_pool_op(const ValueShape& in) {
  return std::make_unique<PoolOp<Real>>(in);
}
template OpPointer<float> make_pool_op(const ValueShape&);
template OpPointer<double> make_pool_op(const ValueShape&);

}  // namespace widegram::dkm
