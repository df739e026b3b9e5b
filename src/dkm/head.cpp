#include "src/dkm/head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "src/base/error.hpp"
#include "src/base/random.hpp"

namespace widegram::dkm {
namespace {

constexpr std::uint32_t draw_stream = 0x64726177;   // "draw"
constexpr std::uint32_t shift_stream = 0x73686966;  // "shif"

Gram copied(MatrixView<const double> view) {
  Gram g(view.rows, view.cols);
  std::copy_n(view.data, view.rows * view.cols, g.data());
  return g;
}

/// Of every column.
std::vector<double> column_squares(const Gram& a) {
  std::vector<double> squares(static_cast<std::size_t>(a.cols()));
  for (Index n = 0; n < a.cols(); ++n)
    for (Index i = 0; i < a.rows(); ++i) squares[static_cast<std::size_t>(n)] += a(i, n) * a(i, n);
  return squares;
}

}  // namespace

Head::Head(const ModelSpec& spec, Index points, Slice mean, Slice factor, Slice noise)
    : spec_(spec),
      points_(points),
      mean_(std::move(mean)),
      factor_(std::move(factor)),
      noise_slice_(std::move(noise)),
      noise_(spec.noise) {}

/// mu = 0; A = K, the prior.
void Head::initialise(std::span<double> parameters, const Gram& in) const {
  const Factored k = factor(in, "the output");
  const auto l = factor_.of(parameters);
  for (Index j = 0; j < points_; ++j)
    for (Index i = 0; i < points_; ++i) l(i, j) = std::sqrt(static_cast<double>(points_)) * k.lower(i, j);
  if (noise_slice_.count() > 0)
    parameters[static_cast<std::size_t>(noise_slice_.begin)] = std::log(spec_.noise);
}

void Head::chain(std::span<const double> parameters, const Gram& in, Chain& chain) {
  mu_ = copied(mean_.of(parameters));
  root_ = Gram(points_, points_);
  add(root_, 1 / std::sqrt(static_cast<double>(points_)), copied(factor_.of(parameters)));
  if (noise_slice_.count() > 0) noise_ = std::exp(parameters[static_cast<std::size_t>(noise_slice_.begin)]);
  factored_ = factor(in, "the output (its kernel)");
  covariance_ = product(root_, transposed(root_));
  covariance_factored_ = factor(covariance_, "the output");
  weights_ = product(factored_.inverse, mu_);
  quadratic_ = product(product(factored_.inverse, covariance_), factored_.inverse);
  add(quadratic_, -1, factored_.inverse);
  squares_ = product(transposed(root_), factored_.inverse);
  const double outputs = static_cast<double>(spec_.outputs);
  chain.regularisation -=
      (dot(factored_.inverse, covariance_) -
       (covariance_factored_.log_determinant - factored_.log_determinant) - static_cast<double>(points_)) /
          2 +
      dot(mu_, weights_) / (2 * outputs);
}

/// Sums: by the weights (points x outputs), by the quadratic form (points x points), by log sigma^2.
Index Head::sum_count() const { return points_ * spec_.outputs + points_ * points_ + 1; }

void Head::chain_adjoint(std::span<const double> sums, const Chain& chain, Gram& d_in,
                         std::span<double> d_parameters) const {
  const Gram d_weights = copied({sums.data(), points_, spec_.outputs});
  const Gram d_quadratic = symmetrised(copied({sums.data() + points_ * spec_.outputs, points_, points_}));
  const Gram& inverse = factored_.inverse;
  const double outputs = static_cast<double>(spec_.outputs), f = chain.factor;
  // Through K^-1: of the weights, the quadratic form and the terms.
  Gram d_inverse = product(d_weights, transposed(mu_));
  const Gram turned = product(product(covariance_, inverse), d_quadratic);
  add(d_inverse, 1, turned);
  add(d_inverse, 1, transposed(turned));
  add(d_inverse, -1, d_quadratic);
  add(d_inverse, -f / 2, covariance_);
  add(d_inverse, -f / (2 * outputs), product(mu_, transposed(mu_)));
  add(d_in, -1, product(product(inverse, symmetrised(d_inverse)), inverse));
  add(d_in, -f / 2, inverse);
  Gram d_mu = product(inverse, d_weights);
  add(d_mu, -f / outputs, weights_);
  Gram d_covariance = product(product(inverse, d_quadratic), inverse);
  add(d_covariance, -f / 2, inverse);
  add(d_covariance, f / 2, covariance_factored_.inverse);
  const Gram d_root = product(d_covariance, root_);
  for (Index k = 0; k < mean_.count(); ++k)
    d_parameters[static_cast<std::size_t>(mean_.begin + k)] += d_mu.data()[k];
  for (Index k = 0; k < factor_.count(); ++k)
    d_parameters[static_cast<std::size_t>(factor_.begin + k)] +=
        2 / std::sqrt(static_cast<double>(points_)) * d_root.data()[k];
  if (noise_slice_.count() > 0) d_parameters[static_cast<std::size_t>(noise_slice_.begin)] += sums.back();
}

Latents Head::latents(const Gram& ti, std::span<const double> t) const {
  Latents result{product(transposed(weights_), ti), {}};
  const std::vector<double> more = column_squares(product(squares_, ti));
  const std::vector<double> less = column_squares(product(factored_.inverse_lower, ti));
  for (std::size_t n = 0; n < t.size(); ++n) {
    double v = t[n] + more[n] - less[n];
    if (!(v > 0)) {
      if (!spec_.clamp_negative || std::isnan(v))
        throw Error(
            ExitCode::numerical,
            fmt::format(
                "the variance of a sample at the output is {:.3g}, not above zero: lower the learning "
                "rate, raise the jitter, or let it be clamped",
                v));
      v = 0;
    }
    result.variance.push_back(v);
  }
  return result;
}

Head::Score Head::score(const Gram& ti, std::span<const double> t, const Targets& targets,
                        std::span<const std::int64_t> ids, std::uint64_t step, double weight, Gram& d_ti,
                        std::span<double> d_t, std::span<double> sums) const {
  const Latents found = latents(ti, t);
  Derivatives by{Gram(spec_.outputs, ti.cols()), std::vector<double>(t.size()), 0};
  const Score score = spec_.likelihood == Likelihood::gaussian ? gaussian(found, targets, by)
                                                               : categorical(found, targets, ids, step, by);
  Gram weighted = ti;  // d_v ti
  for (Index n = 0; n < ti.cols(); ++n) {
    const auto at = static_cast<std::size_t>(n);
    d_t[at] = found.variance[at] > 0 ? weight * by.variance[at] : 0.0;
    for (Index c = 0; c < spec_.outputs; ++c) by.mean(c, n) *= weight;
    for (Index i = 0; i < points_; ++i) weighted(i, n) *= d_t[at];
  }
  d_ti = product(weights_, by.mean);
  multiply(2, CblasNoTrans, quadratic_.view(), CblasNoTrans, weighted.view(), 1, d_ti.view());
  multiply(1, CblasNoTrans, ti.view(), CblasTrans, by.mean.view(), 1, {sums.data(), points_, spec_.outputs});
  multiply(1, CblasNoTrans, weighted.view(), CblasTrans, ti.view(), 1,
           {sums.data() + points_ * spec_.outputs, points_, points_});
  sums.back() += weight * by.log_noise;
  return score;
}

Head::Score Head::gaussian(const Latents& latents, const Targets& targets, Derivatives& by) const {
  Score score;
  const double outputs = static_cast<double>(spec_.outputs);
  for (Index n = 0; n < latents.mean.cols(); ++n) {
    const double v = latents.variance[static_cast<std::size_t>(n)];
    double squares = 0;
    for (Index c = 0; c < spec_.outputs; ++c) {
      const double error = targets.values(c, n) - latents.mean(c, n);
      squares += error * error;
      by.mean(c, n) = error / noise_;
    }
    by.variance[static_cast<std::size_t>(n)] = -outputs / (2 * noise_);
    by.log_noise += (squares + outputs * v) / (2 * noise_) - outputs / 2;
    score.log_likelihood -=
        (squares + outputs * v) / (2 * noise_) + outputs / 2 * std::log(2 * std::numbers::pi * noise_);
    score.correct += squares;
  }
  return score;
}

NormalRows Head::draws(std::uint64_t step) const {
  const CounterRandom random(spec_.seed, draw_stream);
  return {spec_.outputs, spec_.samples,
          [&](Index k) { return random.normal(step, static_cast<std::uint32_t>(k)); }};
}

std::vector<Index> Head::shifts(std::uint64_t step, std::int64_t id) const {
  const CounterRandom random(spec_.seed, shift_stream);
  std::vector<Index> shifts;
  for (Index c = 0; c < spec_.outputs; ++c) {
    const auto key = static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15 + step;
    shifts.push_back(static_cast<Index>(random.uniform(key, static_cast<std::uint32_t>(c)) *
                                        static_cast<double>(spec_.samples)));
  }
  return shifts;
}

Head::Score Head::categorical(const Latents& latents, const Targets& targets,
                              std::span<const std::int64_t> ids, std::uint64_t step, Derivatives& by) const {
  Score score;
  const NormalRows normal = draws(step);
  std::vector<double> scratch;
  for (Index n = 0; n < latents.mean.cols(); ++n) {
    const auto at = static_cast<std::size_t>(n);
    const std::int64_t label = targets.labels[at];
    const double deviation = std::sqrt(latents.variance[at]);
    const std::span<const double> mean(latents.mean.column(n), static_cast<std::size_t>(spec_.outputs));
    const std::vector<Index> from = shifts(step, ids[at]);
    const DrawnLikelihood drawn = drawn_log_likelihood({normal, from, mean, deviation}, label,
                                                       {by.mean.column(n), mean.size()}, scratch);
    by.variance[at] = deviation > 0 ? drawn.by_deviation / (2 * deviation) : 0.0;
    score.log_likelihood += drawn.log_likelihood;
    score.correct += std::max_element(mean.begin(), mean.end()) - mean.begin() == label ? 1 : 0;
  }
  return score;
}

Gram Head::log_probabilities(const Latents& latents, std::span<const std::int64_t> ids) const {
  Gram result(spec_.outputs, latents.mean.cols());
  const NormalRows normal = draws(0);
  std::vector<double> scratch;
  for (Index n = 0; n < result.cols(); ++n) {
    const auto at = static_cast<std::size_t>(n);
    const std::span<double> of(result.column(n), static_cast<std::size_t>(spec_.outputs));
    const std::vector<Index> from = shifts(0, ids[at]);
    drawn_probabilities({normal, from, {latents.mean.column(n), of.size()}, std::sqrt(latents.variance[at])},
                        of, scratch);
    for (double& p : of) p = std::log(p);
  }
  return result;
}

}  // namespace widegram::dkm
