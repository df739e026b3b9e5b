#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

#include "src/kernels/canonical.hpp"
#include "tests/kernels/dual_samples.hpp"

namespace widegram::kernels::test {
namespace {

TEST(Dual, AgreesWithTheGoldenTable) {
  std::ifstream file(WIDEGRAM_SOURCE_DIR "/tests/kernels/golden_duals.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  for (const auto& dual : golden.at("duals")) {
    const Activation activation =
        make_activation(dual.at("op").get<std::string>(), dual.at("parameters").get<ActivationParameters>());
    for (const auto& row : dual.at("rows")) {
      const Pair pair{row[0], row[1], row[2]};
      const DualDiagonal size = scale(activation, pair);
      for (const DualDiagonal found :
           {vector_dual(activation, pair), dual_reference(activation, pair.q11, pair.c, pair.q22)}) {
        // At rho = +-1 a kinked derivative loses half of its digits.
        const bool at_an_end = std::abs(pair.c) > 0.99 * std::sqrt(pair.q11 * pair.q22);
        EXPECT_NEAR(found.value, row[3], 1e-12 * size.value) << dual.at("op") << row;
        EXPECT_NEAR(found.derivative, row[4], (at_an_end ? 2e-8 : 1e-12) * size.derivative)
            << dual.at("op") << row;
      }
    }
  }
}

TEST(Dual, IsTheExpectationItStandsFor) {
  for (const Sample& sample : samples()) {
    for (const Pair pair : pairs()) {
      const DualDiagonal size = scale(sample.activation, pair);
      const DualDiagonal found = vector_dual(sample.activation, pair);
      const std::string where =
          sample.name + " at " + std::to_string(pair.c / std::sqrt(pair.q11 * pair.q22));
      EXPECT_NEAR(found.value, expectation(sample.value, pair), sample.tolerance * size.value) << where;
      // At rho = +-1 itself the derivative of a kinked function has an infinite slope in c.
      const bool at_an_end = std::abs(pair.c) >= (1 - 1e-12) * std::sqrt(pair.q11 * pair.q22);
      const double tolerance = at_an_end ? 3e-8 : 10 * sample.tolerance;
      EXPECT_NEAR(found.derivative, expectation(sample.derivative, pair), tolerance * size.derivative)
          << where;
    }
  }
}

TEST(Dual, IsThatOfTheReference) {
  for (const Sample& sample : samples()) {
    for (const Pair pair : {Pair{1.3, 0.4, 0.6}, Pair{0.5, -0.7, 1.2}}) {
      const DualDiagonal size = scale(sample.activation, pair);
      const DualDiagonal found = vector_dual(sample.activation, pair);
      const DualDiagonal reference = dual_reference(sample.activation, pair.q11, pair.c, pair.q22);
      EXPECT_NEAR(found.value, reference.value, sample.tolerance * size.value) << sample.name;
      EXPECT_NEAR(found.derivative, reference.derivative, sample.tolerance * size.derivative) << sample.name;
    }
  }
}

TEST(Dual, DerivativeIsTheSlopeInTheCovariance) {
  std::vector<Activation> activations{NormalizedExponential{1.5, -0.5}};
  for (const Sample& sample : samples())
    if (!std::holds_alternative<Sign>(sample.activation)) activations.push_back(sample.activation);
  constexpr double step = 1e-5;
  for (const Activation& activation : activations) {
    for (const Pair pair : {Pair{0.8, 0.3, 1.5}, Pair{1.1, -0.9, 1.0}}) {
      const double slope = (vector_dual(activation, {pair.q11, pair.c + step, pair.q22}).value -
                            vector_dual(activation, {pair.q11, pair.c - step, pair.q22}).value) /
                           (2 * step);
      EXPECT_NEAR(vector_dual(activation, pair).derivative, slope, 1e-7 * scale(activation, pair).derivative)
          << canonical(activation);
    }
  }
}

TEST(Dual, NormalizedExponentialKeepsVariances) {
  const Activation activation = NormalizedExponential{2, -1};
  EXPECT_NEAR(vector_dual(activation, {3, 1.2, 0.5}).value,
              std::sqrt(1.5) * std::exp(2 * (1.2 / std::sqrt(1.5) - 1)), 1e-14);
  EXPECT_NEAR(dual_diagonal(activation, 3).value, 3, 1e-14);
}

TEST(Dual, DoesNotCareWhichSideIsWhich) {
  for (const Sample& sample : samples()) {
    const Pair pair{1.7, -0.6, 0.4};
    const DualDiagonal one = vector_dual(sample.activation, pair);
    const DualDiagonal other = vector_dual(sample.activation, {pair.q22, pair.c, pair.q11});
    const DualDiagonal size = scale(sample.activation, pair);
    EXPECT_NEAR(one.value, other.value, 1e-14 * size.value) << sample.name;
    EXPECT_NEAR(one.derivative, other.derivative, 1e-14 * size.derivative) << sample.name;
  }
}

TEST(Dual, HomogeneousActivationsScale) {
  const Pair pair{1.7, -0.6, 0.4};
  const auto scaled = [&](double s, double t) {
    return Pair{s * s * pair.q11, s * t * pair.c, t * t * pair.q22};
  };
  for (const Activation& activation : {Activation(AbRelu{0, 1}), Activation(AbRelu{-0.3, 2})}) {
    const DualDiagonal one = vector_dual(activation, pair);
    for (const double s : {1e-12, 0.3, 1e9}) {
      const DualDiagonal other = vector_dual(activation, scaled(s, 2.5));
      EXPECT_NEAR(other.value / (2.5 * s), one.value, 1e-14);
      EXPECT_NEAR(other.derivative, one.derivative, 1e-14);
    }
  }
  EXPECT_NEAR(vector_dual(Sign{}, scaled(1e-6, 7)).value, vector_dual(Sign{}, pair).value, 1e-15);
  const Activation cube = make_activation("monomial", {{"degree", {3}}});
  EXPECT_NEAR(vector_dual(cube, scaled(2, 3)).value, 216 * vector_dual(cube, pair).value, 1e-12);
}

TEST(Dual, DiagonalIsTheLimit) {
  for (const Sample& sample : samples()) {
    for (const double q : {0.02, 1.0, 3.0}) {
      const DualDiagonal diagonal = dual_diagonal(sample.activation, q);
      const DualDiagonal near = vector_dual(sample.activation, {q, q, q});
      EXPECT_NEAR(near.value, diagonal.value,
                  std::max(sample.tolerance, 1e-7 * (sample.name == "sign")) * diagonal.value)
          << sample.name << q;
      EXPECT_NEAR(near.derivative, diagonal.derivative, 5e-8 * diagonal.derivative) << sample.name << q;
      EXPECT_NEAR(diagonal.value, expectation(sample.value, {q, q, q}), 1e-12 * diagonal.value)
          << sample.name << q;
    }
  }
}

TEST(Dual, SmallValuesKeepTheirRelativePrecision) {
  const double c = 1e-9;
  EXPECT_NEAR(vector_dual(Erf{}, {1, c, 1}).value / c, 4 / (3 * std::numbers::pi), 1e-12);
  EXPECT_NEAR(vector_dual(Sine{}, {1, c, 1}).value / c, std::exp(-1), 1e-12);
  EXPECT_NEAR(vector_dual(Sign{}, {1, c, 1}).value / c, 2 / std::numbers::pi, 1e-12);
  EXPECT_NEAR(vector_dual(Numerical{"tanh"}, {1, c, 1}).value / c,
              dual_reference(Numerical{"tanh"}, 1, 0, 1).derivative, 1e-12);
}

}  // namespace
}  // namespace widegram::kernels::test
