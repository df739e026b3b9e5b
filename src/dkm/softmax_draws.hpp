#pragma once

#include <span>
#include <vector>

#include "src/base/index.hpp"
#include "src/dkm/small_algebra.hpp"

namespace widegram::dkm {

/// Standard normal numbers of a step, made once for all samples: every sample reads each output's row from a
/// place of its own on, which leaves its draws independent of each other. A row goes round: it is kept twice
/// and a vector's width more, so that a sample reads it without a seam.
class NormalRows {
 public:
  /// number(k), k = draw * outputs + output < outputs * draws, is called once for each.
  template <class Number>
  NormalRows(Index outputs, Index draws, const Number& number)
      : draws_(draws), rows_(2 * draws + widest_vector, outputs) {
    for (Index c = 0; c < outputs; ++c) {
      for (Index s = 0; s < draws; ++s) rows_(s, c) = number(s * outputs + c);
      for (Index s = draws; s < rows_.rows(); ++s) rows_(s, c) = rows_(s % draws, c);
    }
  }

  Index outputs() const { return rows_.cols(); }
  Index draws() const { return draws_; }
  /// shift in [0, draws).
  const double* from(Index output, Index shift) const { return rows_.column(output) + shift; }

 private:
  static constexpr Index widest_vector = 32;  ///< doubles

  Index draws_;
  Gram rows_;  ///< a column an output
};

/// Latents of one sample at all draws: f_c(s) = mean[c] + deviation normal(c, shifts[c] + s).
struct DrawnLatents {
  const NormalRows& normal;
  std::span<const Index> shifts;  ///< one an output
  std::span<const double> mean;   ///< one an output
  double deviation;
};

struct DrawnLikelihood {
  double log_likelihood;  ///< of the label: mean over the draws of log softmax
  double by_deviation;    ///< its derivative
};

/// d_mean: set to the derivatives by the means. Not finite where a mean is not; scratch is resized.
DrawnLikelihood drawn_log_likelihood(const DrawnLatents& latents, Index label, std::span<double> d_mean,
                                     std::vector<double>& scratch);

/// Mean over the draws of softmax.
void drawn_probabilities(const DrawnLatents& latents, std::span<double> probabilities,
                         std::vector<double>& scratch);

}  // namespace widegram::dkm
