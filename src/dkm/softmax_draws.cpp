#include "src/dkm/softmax_draws.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/kernels/vector_targets.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "src/dkm/softmax_draws.cpp"
// Highway wants this order.
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace widegram::dkm::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::ScalableTag<double>;
using Vec = hn::Vec<Tag>;

Index lanes() { return static_cast<Index>(hn::Lanes(Tag())); }

/// A vector of draws at a time: softmax(c), for every output, and log_sum() = log sum_c exp f_c. Keeps a sum
/// an output for its user.
class Softmax {
 public:
  Softmax(const DrawnLatents& latents, std::vector<double>& scratch) : latents_(latents) {
    scratch.assign(static_cast<std::size_t>(2 * outputs() * lanes()), 0.0);
    powers_ = scratch.data();
    sums_ = powers_ + outputs() * lanes();
  }

  Index outputs() const { return latents_.normal.outputs(); }
  Vec normal(Index c, Index draw) const {
    return hn::LoadU(tag_, latents_.normal.from(c, latents_.shifts[static_cast<std::size_t>(c)]) + draw);
  }
  Vec latent(Index c, Index draw) const {
    return hn::MulAdd(hn::Set(tag_, latents_.deviation), normal(c, draw),
                      hn::Set(tag_, latents_.mean[static_cast<std::size_t>(c)]));
  }

  void take(Index draw) {
    largest_ = latent(0, draw);
    for (Index c = 1; c < outputs(); ++c) largest_ = hn::Max(largest_, latent(c, draw));
    sum_ = hn::Zero(tag_);
    for (Index c = 0; c < outputs(); ++c) {
      const Vec power = hn::Exp(tag_, latent(c, draw) - largest_);
      sum_ = sum_ + power;
      hn::StoreU(power, tag_, powers_ + c * lanes());
    }
    share_ = hn::Set(tag_, 1.0) / sum_;
  }
  Vec softmax(Index c) const { return hn::LoadU(tag_, powers_ + c * lanes()) * share_; }
  Vec log_sum() const { return largest_ + hn::Log(tag_, sum_); }

  void add(Index c, Vec x) const {
    hn::StoreU(hn::LoadU(tag_, sums_ + c * lanes()) + x, tag_, sums_ + c * lanes());
  }
  void sums(double* out) const {
    for (Index c = 0; c < outputs(); ++c)
      out[c] = hn::GetLane(hn::SumOfLanes(tag_, hn::LoadU(tag_, sums_ + c * lanes())));
  }

 private:
  const DrawnLatents& latents_;
  Tag tag_;
  double* powers_;
  double* sums_;
  Vec largest_ = hn::Zero(Tag()), sum_ = hn::Zero(Tag()), share_ = hn::Zero(Tag());
};

/// Zeros in place of what lies beyond the last draw.
Vec within(Index draw, Index draws, Vec x) {
  return hn::IfThenElseZero(hn::FirstN(Tag(), static_cast<std::size_t>(std::min(lanes(), draws - draw))), x);
}

double sum_of(Vec x) { return hn::GetLane(hn::SumOfLanes(Tag(), x)); }

DrawnLikelihood log_likelihood(const DrawnLatents& latents, Index label, double* d_mean,
                               std::vector<double>& scratch) {
  const Tag tag;
  Softmax softmax(latents, scratch);
  Vec sum = hn::Zero(tag), by_deviation = hn::Zero(tag);
  const Index draws = latents.normal.draws();
  for (Index s = 0; s < draws; s += lanes()) {
    softmax.take(s);
    sum = sum + within(s, draws, softmax.latent(label, s) - softmax.log_sum());
    for (Index c = 0; c < softmax.outputs(); ++c) {
      const Vec gap = within(s, draws, hn::Set(tag, c == label ? 1.0 : 0.0) - softmax.softmax(c));
      softmax.add(c, gap);
      by_deviation = hn::MulAdd(gap, softmax.normal(c, s), by_deviation);
    }
  }
  softmax.sums(d_mean);
  return {sum_of(sum), sum_of(by_deviation)};
}

void probability_sums(const DrawnLatents& latents, double* sums, std::vector<double>& scratch) {
  Softmax softmax(latents, scratch);
  const Index draws = latents.normal.draws();
  for (Index s = 0; s < draws; s += lanes()) {
    softmax.take(s);
    for (Index c = 0; c < softmax.outputs(); ++c) softmax.add(c, within(s, draws, softmax.softmax(c)));
  }
  softmax.sums(sums);
}

}  // namespace
}  // namespace widegram::dkm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace widegram::dkm {
namespace {

HWY_EXPORT(log_likelihood);
HWY_EXPORT(probability_sums);

/// A vector's maximum may drop what is not a number, and its power may be zero.
bool finite(const DrawnLatents& latents) {
  return std::isfinite(latents.deviation) &&
         std::all_of(latents.mean.begin(), latents.mean.end(), [](double m) { return std::isfinite(m); });
}

}  // namespace

DrawnLikelihood drawn_log_likelihood(const DrawnLatents& latents, Index label, std::span<double> d_mean,
                                     std::vector<double>& scratch) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  if (!finite(latents)) {
    std::fill(d_mean.begin(), d_mean.end(), none);
    return {none, none};
  }
  const DrawnLikelihood sums = HWY_DYNAMIC_DISPATCH(log_likelihood)(latents, label, d_mean.data(), scratch);
  const double share = 1 / static_cast<double>(latents.normal.draws());
  for (double& d : d_mean) d *= share;
  return {share * sums.log_likelihood, share * sums.by_deviation};
}

void drawn_probabilities(const DrawnLatents& latents, std::span<double> probabilities,
                         std::vector<double>& scratch) {
  if (!finite(latents)) {
    std::fill(probabilities.begin(), probabilities.end(), std::numeric_limits<double>::quiet_NaN());
    return;
  }
  HWY_DYNAMIC_DISPATCH(probability_sums)(latents, probabilities.data(), scratch);
  for (double& p : probabilities) p /= static_cast<double>(latents.normal.draws());
}

}  // namespace widegram::dkm
#endif  // HWY_ONCE
