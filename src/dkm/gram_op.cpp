#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "src/base/error.hpp"
#include "src/base/random.hpp"
#include "src/dkm/layer_ops.hpp"
#include "src/dkm/passes.hpp"

namespace widegram::dkm {
namespace {

constexpr double stochastic_jitter = 0.1;

/// With B = G K^-1 and Q = K^-1 G K^-1 - K^-1: G_it = B K_it, g_t = k_t + K_ti Q K_it, the latter as a
/// difference of two squares, |R^T K^-1 K_it|^2 - |L^-1 K_it|^2 with G = R R^T, K = L L^T, which keeps half
/// of the digits more than K^-1 would.
template <class Real>
class GramOp final : public Op<Real> {
 public:
  GramOp(const GramOptions& options, const ValueShape& in, const Slice& factor)
      : options_(options), factor_(factor) {
    this->in = this->out = in;
  }

  /// V = sqrt(P) chol(K): G = K.
  void initialise(std::span<double> parameters, const Gram& in, std::uint64_t) const override {
    const Factored k = factor(in, this->name);
    const auto v = factor_.of(parameters);
    for (Index j = 0; j < in.cols(); ++j)
      for (Index i = 0; i < in.rows(); ++i) v(i, j) = std::sqrt(points()) * k.lower(i, j);
  }

  Gram chain(std::span<const double> parameters, const Gram& in, const Gram&, Chain& chain) override {
    kernel_ = in;
    factored_ = factor(in, this->name + " (its kernel)");
    take_gram(parameters, chain);
    gram_factored_ = factor(gram_, this->name);
    chain.regularisation += options_.taylor ? taylor_term() : kl_term();
    by_kernel_ = product(gram_, factored_.inverse);
    quadratic_ = product(factored_.inverse, by_kernel_);
    add(quadratic_, -1, factored_.inverse);
    lay_out();
    return gram_;
  }

  void chain_adjoint(std::span<const double>, std::span<const double> sums, const Gram& d_out, Gram& d_in,
                     Gram&, const Chain& chain, std::span<double> d_parameters) override {
    const Gram d_by_kernel = from_sums(sums, 0), d_quadratic = symmetrised(from_sums(sums, sum_size()));
    const Gram& inverse = factored_.inverse;
    const Gram turned = product(d_quadratic, transposed(by_kernel_));  // Q' K^-1 G
    Gram d_gram = d_out;
    add(d_gram, 1, symmetrised(product(d_by_kernel, inverse)));
    add(d_gram, 1, product(product(inverse, d_quadratic), inverse));
    Gram d_inverse = product(gram_, d_by_kernel);
    add(d_inverse, 1, turned);
    add(d_inverse, 1, transposed(turned));
    add(d_inverse, -1, d_quadratic);
    add(d_in, -1, product(product(inverse, symmetrised(d_inverse)), inverse));
    add_term_adjoint(chain.factor, d_gram, d_in);
    put_factor(d_gram, d_parameters);
  }

  Index sum_count() const override { return 2 * sum_size(); }
  /// As many as F = K_ti K^-1, F G and their five adjoints have.
  double flops() const override {
    return 14.0 * static_cast<double>(this->in.points * this->in.points * this->in.positions());
  }
  /// Two factorisations with their inverses, and twelve products.
  double chain_flops() const override { return (2 * factor_flops + 24) * points() * points() * points(); }
  bool rerun() const override { return false; }
  bool expensive() const override { return true; }

  void forward(Block<const Real> in, Block<const Real>, Block<Real> out) override {
    const Index rows = this->in.rows(), count = in.samples * this->in.positions();
    const auto& kernels = panel_kernels<Real>();
    const Columns columns = plain_columns(rows, count);
    kernels.multiply(forward_.data(), rows, in.ti, columns, out.ti, rows, false);
    Real* const roots = at_least(roots_, 2 * rows * count);
    kernels.multiply(squares_.data(), 2 * rows, in.ti, columns, roots, 2 * rows, false);
    Real* const more = at_least(more_, 2 * count);
    Real* const less = more + count;
    column_passes<Real>().column_dots(roots, 2 * rows, roots, 2 * rows, rows, count, more);
    column_passes<Real>().column_dots(roots + rows, 2 * rows, roots + rows, 2 * rows, rows, count, less);
    for (Index n = 0; n < count; ++n) {
      out.t[n] = in.t[n] + more[n] - less[n];
      if (!(out.t[n] > 0)) out.t[n] = below_zero(out.t[n]);
    }
  }

  void adjoint(Block<const Real> in, Block<const Real>, Block<const Real> out, Block<const Real> d_out,
               Block<Real> d_in, Block<Real>, std::span<Real> sums) override {
    const Index rows = this->in.rows(), count = in.samples * this->in.positions();
    const auto& kernels = panel_kernels<Real>();
    const Columns columns = plain_columns(rows, count);
    for (Index n = 0; n < count; ++n) d_in.t[n] = out.t[n] > 0 ? d_out.t[n] : Real{0};
    Real* const weighted = at_least(roots_, 2 * rows * count);
    const std::vector<Real> ones(static_cast<std::size_t>(rows), Real{1});
    column_passes<Real>().scale(in.ti, rows, count, ones.data(), d_in.t, weighted);
    kernels.outer(d_out.ti, rows, in.ti, columns, sums.data());
    kernels.outer(weighted, rows, in.ti, columns, sums.data() + sum_size());
    kernels.multiply(backward_.data(), rows, d_out.ti, columns, d_in.ti, rows, false);
    kernels.multiply(twice_quadratic_.data(), rows, weighted, columns, d_in.ti, rows, true);
  }

 private:
  double points() const { return static_cast<double>(this->in.points); }
  Index sum_size() const { return this->in.rows() * this->in.rows(); }
  Gram from_sums(std::span<const double> sums, Index begin) const {
    Gram g(this->in.points, this->in.points);
    for (Index j = 0; j < g.cols(); ++j)
      for (Index i = 0; i < g.rows(); ++i)
        g(i, j) = sums[static_cast<std::size_t>(begin + j * this->in.rows() + i)];
    return g;
  }

  /// G, and the matrix U of which it is U U^T / P (+ 0.1 I).
  void take_gram(std::span<const double> parameters, const Chain& chain) {
    const auto v = factor_.of(parameters);
    root_ = Gram(v.rows, v.cols);
    for (Index k = 0; k < v.rows * v.cols; ++k) root_.data()[k] = v.data[k];
    draws_ = Gram();
    if (options_.stochastic > 0 && chain.training) {
      draws_ = stochastic_draws(chain.step);
      root_ = product(root_, draws_);
    }
    gram_ = Gram(v.rows, v.rows);
    multiply(1 / points(), CblasNoTrans, root_.view(), CblasTrans, root_.view(), 0, gram_.view());
    if (options_.stochastic > 0)
      for (Index i = 0; i < v.rows; ++i) gram_(i, i) += stochastic_jitter;
  }

  /// Z / sqrt(n), of mean square Z Z^T / n = I.
  Gram stochastic_draws(std::uint64_t step) const {
    const Index count = static_cast<Index>(std::ceil(points() / options_.stochastic));
    const CounterRandom random(options_.seed, static_cast<std::uint32_t>(factor_.begin));
    Gram z(this->in.points, count);
    for (Index k = 0; k < z.rows() * z.cols(); ++k)
      z.data()[k] =
          random.normal(step, static_cast<std::uint32_t>(k)) / std::sqrt(static_cast<double>(count));
    return z;
  }

  void put_factor(const Gram& d_gram, std::span<double> d_parameters) const {
    const Gram d_root = product(symmetrised(d_gram), root_);
    Gram d_factor = draws_.rows() == 0 ? d_root : product(d_root, transposed(draws_));
    for (Index k = 0; k < factor_.count(); ++k)
      d_parameters[static_cast<std::size_t>(factor_.begin + k)] += 2 / points() * d_factor.data()[k];
  }

  double kl_term() const {
    return -options_.nu / 2 *
           (dot(factored_.inverse, gram_) - (gram_factored_.log_determinant - factored_.log_determinant) -
            points());
  }
  /// G^-1 K - I.
  Gram gap() const {
    Gram a = product(gram_factored_.inverse, kernel_);
    for (Index i = 0; i < a.rows(); ++i) a(i, i) -= 1;
    return a;
  }
  double taylor_term() const {
    const Gram a = gap();
    return -options_.nu / 4 * dot(a, a);
  }
  void add_term_adjoint(double factor, Gram& d_gram, Gram& d_kernel) const {
    if (options_.taylor) {
      const Gram turned = product(transposed(gap()), gram_factored_.inverse);  // A^T G^-1
      const double scale = -factor * options_.nu / 2;
      add(d_kernel, scale, symmetrised(turned));
      add(d_gram, -scale, symmetrised(product(product(gram_factored_.inverse, kernel_), turned)));
      return;
    }
    const double scale = -factor * options_.nu / 2;
    add(d_gram, scale, factored_.inverse);
    add(d_gram, -scale, gram_factored_.inverse);
    add(d_kernel, -scale, quadratic_);
  }

  void lay_out() {
    const Index n = this->in.points, rows = this->in.rows();
    forward_.assign(by_kernel_.data(), n, 1, n, n);
    backward_.assign(by_kernel_.data(), n, n, n, 1);
    Gram twice = quadratic_;
    add(twice, 1, quadratic_);
    twice_quadratic_.assign(twice.data(), n, 1, n, n);
    const Gram squares = product(transposed(gram_factored_.lower), factored_.inverse);
    squares_.resize(2 * rows, rows);
    for (Index k = 0; k < n; ++k)
      for (Index i = 0; i < n; ++i) {
        squares_.set(i, k, squares(i, k));
        squares_.set(rows + i, k, factored_.inverse_lower(i, k));
      }
  }

  Real below_zero(Real value) const {
    if (options_.clamp_negative && value <= 0) return 0;
    throw Error(
        ExitCode::numerical,
        fmt::format(
            "the variance g_t of a sample at {} is {:.3g}, not above zero: lower the learning rate, raise "
            "the jitter, or let it be clamped",
            this->name, value));
  }

  GramOptions options_;
  Slice factor_;
  Gram kernel_, gram_, root_, draws_, by_kernel_, quadratic_;
  Factored factored_, gram_factored_;
  Panels<Real> forward_, backward_, twice_quadratic_, squares_;
  AlignedVector<Real> roots_, more_;
};

}  // namespace

template <class Real>
OpPointer<Real> make_gram_op(const GramOptions& options, const ValueShape& in, const Slice& factor) {
  return std::make_unique<GramOp<Real>>(options, in, factor);
}
template OpPointer<float> make_gram_op(const GramOptions&, const ValueShape&, const Slice&);
template OpPointer<double> make_gram_op(const GramOptions&, const ValueShape&, const Slice&);

}  // namespace widegram::dkm
