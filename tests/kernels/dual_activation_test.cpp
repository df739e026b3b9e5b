#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "src/base/error.hpp"
#include "src/kernels/activation.hpp"
#include "src/kernels/activation_functions.hpp"
#include "src/kernels/canonical.hpp"

namespace widegram::kernels {
namespace {

std::string message_of(const std::string& name, const ActivationParameters& parameters = {}) {
  try {
    make_activation(name, parameters);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::usage);
    return e.what();
  }
  return "no error";
}

void expect_message(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(Activation, EveryOperationMakesOneAndHasAName) {
  for (const ActivationOperation& operation : activation_operations()) {
    ActivationParameters parameters;
    for (const ActivationParameter& parameter : operation.parameters)
      if (parameter.default_value.empty()) parameters[parameter.name] = {2.0};
    EXPECT_FALSE(canonical(make_activation(operation.name, parameters)).empty()) << operation.name;
    EXPECT_EQ(find_activation_operation(operation.name), &operation);
  }
  EXPECT_EQ(find_activation_operation("dense"), nullptr);
}

TEST(Activation, CanonicalTextSaysEveryParameter) {
  EXPECT_EQ(canonical(make_activation("relu")), "relu");
  EXPECT_EQ(canonical(make_activation("leaky_relu")), "leaky_relu(0.01)");
  EXPECT_EQ(canonical(make_activation("leaky_relu", {{"slope", {0.1}}})), "leaky_relu(0.1)");
  EXPECT_EQ(canonical(make_activation("abs")), "abs");
  EXPECT_EQ(canonical(make_activation("abrelu", {{"a", {0.5}}, {"b", {2}}})), "abrelu(0.5,2)");
  EXPECT_EQ(canonical(make_activation("sin", {{"phase", {0.25}}})), "sin(0.25)");
  EXPECT_EQ(canonical(make_activation("cos")), "cos");
  EXPECT_EQ(canonical(make_activation("rbf", {{"gamma", {0.1}}})), "rbf(0.1)");
  EXPECT_EQ(canonical(make_activation("exp_normalized")), "exp_normalized(1,-1)");
  EXPECT_EQ(canonical(make_activation("monomial", {{"degree", {2}}})), "polynomial(0,0,1)");
  EXPECT_EQ(canonical(make_activation("tanh")), "tanh");
}

TEST(Activation, WaysToWriteTheSameOneAreEqual) {
  EXPECT_EQ(canonical(make_activation("abrelu", {{"a", {0}}, {"b", {1}}})), "relu");
  EXPECT_EQ(canonical(make_activation("leaky_relu", {{"slope", {0}}})), "relu");
  EXPECT_EQ(canonical(make_activation("sin", {{"phase", {std::numbers::pi / 2}}})), "cos");
  EXPECT_EQ(canonical(make_activation("swish")), canonical(make_activation("silu")));
  EXPECT_EQ(canonical(make_activation("polynomial", {{"coefficients", {1, 2, 0, 0}}})), "polynomial(1,2)");
}

TEST(Activation, HermiteCoefficientsBecomeAPolynomial) {
  const Activation activation = make_activation("hermite", {{"coefficients", {0, 0, 0, std::sqrt(6.0)}}});
  const auto& coefficients = std::get<Polynomial>(activation).coefficients;
  ASSERT_EQ(coefficients.size(), 4U);
  EXPECT_NEAR(coefficients[1], -3, 1e-14);
  EXPECT_NEAR(coefficients[3], 1, 1e-15);
  EXPECT_EQ(coefficients[0], 0);
  EXPECT_EQ(coefficients[2], 0);
}

TEST(Activation, WrongNamesAreNamedWithTheNearestKnown) {
  expect_message(message_of("rellu"), "unknown activation 'rellu'; did you mean 'relu'?");
  expect_message(message_of("leaky_relu", {{"slop", {0.1}}}),
                 "'leaky_relu' has no parameter 'slop'; did you mean 'slope'?");
  expect_message(message_of("relu", {{"slope", {0.1}}}), "'relu' has no parameter 'slope'; it takes none");
  EXPECT_THROW(numerical_function("tanhh"), Error);
}

TEST(Activation, WrongParametersAreRefused) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  expect_message(message_of("abrelu", {{"a", {1}}}), "'abrelu' needs 'b'");
  expect_message(message_of("rbf", {{"gamma", {1, 2}}}), "'gamma' takes one number, not 2");
  expect_message(message_of("rbf", {{"gamma", {0}}}), "gamma = 0 is not above 0");
  expect_message(message_of("leaky_relu", {{"slope", {nan}}}), "not a finite number");
  expect_message(message_of("monomial", {{"degree", {1.5}}}),
                 "degree = 1.5 is not a whole number from 0 to 64");
  expect_message(message_of("monomial", {{"degree", {nan}}}), "not a whole number");
  expect_message(message_of("polynomial", {{"coefficients", {}}}), "coefficients is empty");
  expect_message(message_of("hermite", {{"coefficients", {}}}), "coefficients is empty");
  expect_message(message_of("polynomial", {{"coefficients", std::vector<double>(66, 1.0)}}),
                 "66 coefficients");
  expect_message(message_of("polynomial", {{"coefficients", {0, nan}}}), "not a finite number");
}

TEST(NumericalFunctions, DerivativesAreSlopes) {
  for (const NumericalFunction& f : numerical_functions()) {
    for (const double x : {-30.0, -3.0, -0.7, 0.0, 0.4, 2.5, 30.0}) {
      const double step = 1e-5;
      EXPECT_NEAR(f.derivative(x), (f.value(x + step) - f.value(x - step)) / (2 * step), 1e-5)
          << f.name << " at " << x;
    }
  }
}

}  // namespace
}  // namespace widegram::kernels
