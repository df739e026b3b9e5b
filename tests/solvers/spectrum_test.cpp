#include "solvers/spectrum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "src/base/random.hpp"

namespace widegram::solvers {
namespace {

TEST(Spectrum, ConditionNumberAndEffectiveDimension) {
  const std::vector<double> values{0.5, 1.0, 4.0};
  EXPECT_EQ(condition_number(values), 8.0);
  EXPECT_EQ(condition_number(values, 0.5), 4.5);
  const std::vector<double> singular{-1e-17, 1.0};
  EXPECT_EQ(condition_number(singular), std::numeric_limits<double>::infinity());
  const std::vector<double> ridges{0.0, 1.0, 1e9};
  const std::vector<double> dimensions = effective_dimensions(values, ridges);
  EXPECT_EQ(dimensions[0], 3.0);
  EXPECT_NEAR(dimensions[1], 1.0 / 3 + 0.5 + 0.8, 1e-15);
  EXPECT_LT(dimensions[2], 1e-8);
  EXPECT_EQ(effective_dimensions(singular, ridges)[0], 1.0);
}

TEST(Spectrum, TargetPowersGoFromTheLargestEigenvalueDown) {
  Matrix<double> projected(3, 2);
  projected(0, 0) = 1;
  projected(2, 0) = 3;
  projected(2, 1) = -1;
  const std::vector<double> powers = target_powers(projected.view());
  EXPECT_EQ(powers, (std::vector<double>{10, 0, 1}));
  const std::vector<double> shares = cumulative_shares(powers);
  EXPECT_NEAR(shares[0], 10.0 / 11, 1e-15);
  EXPECT_NEAR(shares[1], 10.0 / 11, 1e-15);
  EXPECT_EQ(shares[2], 1.0);
  EXPECT_EQ(cumulative_shares(std::vector<double>(3, 0.0)), std::vector<double>(3, 0.0));
}

TEST(Spectrum, AnExactPowerLawIsFoundWhateverElseIsThere) {
  std::vector<double> values;
  for (int rank = 1; rank <= 1000; ++rank)
    values.push_back(rank < 10 ? 1e6 : rank > 500 ? 0.0 : 3.0 * std::pow(rank, -1.7));
  values[100] = -1e-18;  // rounding
  const PowerLaw law = fit_power_law(values, {10, 2000});
  EXPECT_NEAR(law.exponent, 1.7, 1e-12);
  EXPECT_NEAR(law.scale, 3.0, 1e-11);
  EXPECT_LT(law.standard_error, 1e-12);
  EXPECT_EQ(law.points, 490);
  EXPECT_EQ(law.ranks, (Range{10, 1001}));
}

TEST(Spectrum, TheStandardErrorIsTheSpreadOfTheFits) {
  const CounterRandom random(5, 0);
  double sum = 0;
  double squares = 0;
  double claimed = 0;
  constexpr int trials = 200;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> values;
    for (int rank = 1; rank <= 300; ++rank) {
      const double z = random.normal(static_cast<std::uint64_t>(rank), static_cast<std::uint32_t>(trial));
      values.push_back(z * z * std::pow(rank, -1.2));  // as a target's powers scatter
    }
    const PowerLaw law = fit_power_law(values, {5, 301});
    sum += law.exponent;
    squares += law.exponent * law.exponent;
    claimed += law.standard_error / trials;
  }
  const double mean = sum / trials;
  const double spread = std::sqrt(squares / trials - mean * mean);
  EXPECT_NEAR(mean, 1.2, 4 * spread / std::sqrt(trials));
  EXPECT_NEAR(claimed, spread, 0.25 * spread);
}

TEST(Spectrum, TooFewPointsAreNoFit) {
  const PowerLaw law = fit_power_law(std::vector<double>{3.0, 2.0, 0.0}, {1, 4});
  EXPECT_EQ(law.points, 2);
  EXPECT_EQ(law.exponent, 0);
  EXPECT_EQ(default_fit_range(1000), (Range{10, 501}));
  EXPECT_EQ(default_fit_range(20), (Range{2, 11}));
  EXPECT_EQ(default_fit_range(1), (Range{1, 1}));
}

TEST(EffectiveDimensionBounds, AreMetByEqualEigenvaluesAndByFew) {
  const std::vector<double> ridges{0.0, 0.1, 2.0};
  const std::vector<double> equal{1, 1, 1, 1, 5, 8};   // the most
  const std::vector<double> few{0, 0, 0, 4, 5, 8};     // below 5: not as few as could be
  const std::vector<double> fewest{0, 0, 0, 4, 4, 5};  // the least, of trace 13 and a largest 5, 4
  const std::vector<double> largest{8, 5};
  const auto bounds = effective_dimension_bounds(largest, 17, 6, ridges);
  const auto narrow = effective_dimension_bounds(std::vector<double>{5, 4}, 13, 6, ridges);
  for (std::size_t i = 0; i < ridges.size(); ++i) {
    EXPECT_NEAR(bounds[i].most, effective_dimensions(equal, ridges)[i], 1e-12);
    EXPECT_LE(bounds[i].least, effective_dimensions(few, ridges)[i]);
    EXPECT_NEAR(narrow[i].least, effective_dimensions(fewest, ridges)[i], 1e-12);
  }
  const auto whole = effective_dimension_bounds(std::vector<double>{2, 1, 0}, 3, 3, ridges);
  for (std::size_t i = 0; i < ridges.size(); ++i) {
    const double exact = effective_dimensions(std::vector<double>{0, 1, 2}, ridges)[i];
    EXPECT_EQ(whole[i].least, exact);
    EXPECT_EQ(whole[i].most, exact);
  }
}

}  // namespace
}  // namespace widegram::solvers
