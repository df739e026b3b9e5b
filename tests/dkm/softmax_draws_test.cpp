#include "src/dkm/softmax_draws.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "src/base/random.hpp"

namespace widegram::dkm {
namespace {

struct Case {
  Index outputs, draws;
};

class Softmax : public ::testing::TestWithParam<Case> {
 protected:
  static double number(Index k) { return CounterRandom(3, 7).normal(1, static_cast<std::uint32_t>(k)); }

  Softmax() {
    const CounterRandom random(5, 9);
    for (Index c = 0; c < outputs; ++c) {
      shifts.push_back((c * 5 + draws - 1) % draws);
      mean.push_back(4 * random.normal(2, static_cast<std::uint32_t>(c)));
    }
  }

  /// f of all outputs at a draw, written out.
  std::vector<double> latent(Index draw, double deviation) const {
    std::vector<double> f;
    for (Index c = 0; c < outputs; ++c) {
      const auto at = static_cast<std::size_t>(c);
      f.push_back(mean[at] + deviation * number((draw + shifts[at]) % draws * outputs + c));
    }
    return f;
  }
  static double log_sum(const std::vector<double>& f) {
    double sum = 0;
    for (const double x : f) sum += std::exp(x);
    return std::log(sum);
  }

  const Index outputs = GetParam().outputs, draws = GetParam().draws;
  std::vector<Index> shifts;
  std::vector<double> mean, scratch;
};

TEST_P(Softmax, LikelihoodAndDerivativesAreThoseWrittenOut) {
  const NormalRows normal(outputs, draws, number);
  for (const double deviation : {0.0, 0.7, 3.0})
    for (Index label = 0; label < outputs; ++label) {
      double value = 0, by_deviation = 0;
      std::vector<double> by_mean(mean.size());
      for (Index s = 0; s < draws; ++s) {
        const std::vector<double> f = latent(s, deviation), z = latent(s, deviation + 1);
        const double total = log_sum(f), share = 1 / static_cast<double>(draws);
        value += share * (f[static_cast<std::size_t>(label)] - total);
        for (std::size_t c = 0; c < f.size(); ++c) {
          const double gap = (static_cast<Index>(c) == label ? 1 : 0) - std::exp(f[c] - total);
          by_mean[c] += share * gap;
          by_deviation += share * gap * (z[c] - f[c]);
        }
      }
      std::vector<double> found(mean.size(), 17.0);
      const DrawnLikelihood likelihood =
          drawn_log_likelihood({normal, shifts, mean, deviation}, label, found, scratch);
      EXPECT_NEAR(likelihood.log_likelihood, value, 1e-13 * (1 + std::abs(value)));
      EXPECT_NEAR(likelihood.by_deviation, by_deviation, 1e-13);
      for (std::size_t c = 0; c < found.size(); ++c) EXPECT_NEAR(found[c], by_mean[c], 1e-13) << c;
    }
}

TEST_P(Softmax, ProbabilitiesAreThoseWrittenOut) {
  const NormalRows normal(outputs, draws, number);
  std::vector<double> expected(mean.size()), found(mean.size(), 17.0);
  for (Index s = 0; s < draws; ++s) {
    const std::vector<double> f = latent(s, 1.5);
    for (std::size_t c = 0; c < f.size(); ++c)
      expected[c] += std::exp(f[c] - log_sum(f)) / static_cast<double>(draws);
  }
  drawn_probabilities({normal, shifts, mean, 1.5}, found, scratch);
  for (std::size_t c = 0; c < found.size(); ++c) EXPECT_NEAR(found[c], expected[c], 1e-14) << c;
}

TEST_P(Softmax, WhatIsNotFiniteIsNotDropped) {
  const NormalRows normal(outputs, draws, number);
  mean.back() = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> found(mean.size());
  EXPECT_TRUE(std::isnan(drawn_log_likelihood({normal, shifts, mean, 1}, 0, found, scratch).log_likelihood));
  EXPECT_TRUE(std::isnan(found.front()));
  drawn_probabilities({normal, shifts, mean, 1}, found, scratch);
  EXPECT_TRUE(std::isnan(found.front()));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Softmax,
                         ::testing::Values(Case{1, 1}, Case{2, 3}, Case{10, 8}, Case{10, 1000}, Case{3, 45}),
                         [](const auto& info) {
                           return std::to_string(info.param.outputs) + "x" + std::to_string(info.param.draws);
                         });

TEST(SoftmaxFar, LatentsFarApartNeitherOverflowNorVanish) {
  const NormalRows normal(2, 4, [](Index) { return 0.0; });
  const std::vector<Index> shifts{0, 1};
  const std::vector<double> mean{2000, -2000};
  std::vector<double> d_mean(2), scratch;
  EXPECT_EQ(drawn_log_likelihood({normal, shifts, mean, 1}, 1, d_mean, scratch).log_likelihood, -4000);
  EXPECT_EQ(d_mean, (std::vector<double>{-1, 1}));
}

}  // namespace
}  // namespace widegram::dkm
