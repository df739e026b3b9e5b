#include <gtest/gtest.h>

#include <cmath>

#include "tests/kernels/gram_of.hpp"
#include "tests/kernels/network_json.hpp"

namespace widegram::kernels {
namespace {

using test::GoldenCase;

/// Compares with the entry itself, or where it is exactly zero with zero.
void expect_close(const Matrix<double>& values, const GoldenCase::Rows& golden, double tolerance,
                  const std::string& what) {
  for (std::size_t i = 0; i < golden.size(); ++i)
    for (std::size_t j = 0; j < golden[i].size(); ++j) {
      const double expected = golden[i][j];
      const double value = values(static_cast<Index>(i), static_cast<Index>(j));
      EXPECT_LE(std::abs(value - expected), tolerance * std::abs(expected))
          << what << " (" << i << ", " << j << "): " << value << " for " << expected;
    }
}

void check_case(const GoldenCase& golden) {
  SCOPED_TRACE(golden.name);
  const auto engine = make_engine<double>(golden.network, golden.shape, test::test_edge);
  const Matrix<double> inputs = test::columns<double>(golden.inputs);
  const auto train = engine->prepare(inputs.view(), test::ids_from(0, inputs.cols()), SampleOrder::single);
  const auto gram = test::gram_of(*engine, *train, *train);
  expect_close(gram.nngp, golden.nngp, golden.tolerance, "nngp");
  expect_close(gram.ntk, golden.ntk, golden.tolerance, "ntk");
  if (golden.test_inputs.empty()) return;
  const Matrix<double> test_inputs = test::columns<double>(golden.test_inputs);
  const auto test_set =
      engine->prepare(test_inputs.view(), test::ids_from(1'000'000, test_inputs.cols()), SampleOrder::single);
  const auto cross = test::gram_of(*engine, *test_set, *train);
  expect_close(cross.nngp, golden.nngp_test, golden.tolerance, "nngp_test");
  expect_close(cross.ntk, golden.ntk_test, golden.tolerance, "ntk_test");
}

TEST(GoldenNetworks, ClosedFormsWithFortyDigits) {
  const auto cases = test::read_golden_cases(WIDEGRAM_SOURCE_DIR "/tests/kernels/closed_forms.json");
  EXPECT_EQ(cases.size(), 24U);
  for (const GoldenCase& golden : cases) check_case(golden);
}

TEST(GoldenNetworks, NeuralTangents) {
  const auto cases = test::read_golden_cases(WIDEGRAM_SOURCE_DIR "/tests/golden/neural_tangents.json");
  EXPECT_GT(cases.size(), 100U);
  for (const GoldenCase& golden : cases) check_case(golden);
}

}  // namespace
}  // namespace widegram::kernels
