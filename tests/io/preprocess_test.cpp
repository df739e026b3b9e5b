#include "io/preprocess.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/io/data_files.hpp"

namespace widegram::io {
namespace {

using mpi::Communicator;
using namespace widegram::test;

std::vector<Step> steps(const std::vector<std::string>& texts) { return parse_steps(texts); }

/// A set from a function of sample and feature, spread over comm.
template <class F>
DataSet make_set(const Communicator& comm, Index samples, Index features, F&& value) {
  DataSet set;
  set.source = "made";
  set.shape = {features, 1, 1};
  set.partition = {samples, comm.size()};
  set.local = set.partition.range(comm.rank());
  set.inputs = Matrix<double>(features, set.local.size());
  for (Index j = 0; j < set.local.size(); ++j)
    for (Index i = 0; i < features; ++i) set.inputs(i, j) = value(set.local.begin + j, i);
  return set;
}

void expect_same_columns(const DataSet& set, const DataSet& alone) {
  for (Index j = 0; j < set.local.size(); ++j)
    for (Index i = 0; i < set.features(); ++i)
      ASSERT_EQ(set.inputs(i, j), alone.inputs(i, set.local.begin + j)) << "feature " << i << " of " << j;
}

/// Covariance of a set that one rank holds alone.
Matrix<double> covariance(const DataSet& set) {
  Matrix<double> result(set.features(), set.features());
  for (Index s = 0; s < set.samples(); ++s)
    for (Index a = 0; a < set.features(); ++a)
      for (Index b = 0; b < set.features(); ++b)
        result(a, b) += set.inputs(a, s) * set.inputs(b, s) / static_cast<double>(set.samples());
  return result;
}

TEST(Steps, ParseAndPrint) {
  const std::vector<Step> parsed =
      steps({"scale(0.5)", " standardize ", "center", "normalize", "zca( 1e-1 )"});
  ASSERT_EQ(parsed.size(), 5u);
  EXPECT_EQ(parsed[0], (Step{Step::Kind::scale, 0.5}));
  EXPECT_EQ(parsed[4], (Step{Step::Kind::zca, 0.1}));
  std::vector<std::string> printed;
  for (const Step& step : parsed) printed.push_back(to_string(step));
  EXPECT_EQ(printed,
            (std::vector<std::string>{"scale(0.5)", "standardize", "center", "normalize", "zca(0.1)"}));
  EXPECT_EQ(steps(printed), parsed);
}

TEST(Steps, MistakesAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{{"standardise", "did you mean 'standardize'"},
                                                               {"zca", "zca(eps)"},
                                                               {"zca()", "zca(eps)"},
                                                               {"zca(-1)", "0 or more"},
                                                               {"scale(x)", "a number"},
                                                               {"scale(1", "a number"},
                                                               {"center(2)", "takes no number"},
                                                               {"scale(0)", "every input"},
                                                               {"", "not known"}};
  for (const auto& [text, expected] : cases) {
    try {
      steps({text});
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::usage);
      EXPECT_TRUE(says(e.what(), {expected}));
    }
  }
}

TEST(Preprocess, SameBitsOnAnyNumberOfRanks) {
  const Communicator comm = Communicator::world();
  const Communicator self = Communicator::self();
  const std::vector<std::vector<std::string>> recipes{{"standardize"},
                                                      {"center", "normalize"},
                                                      {"scale(3)", "zca(0.1)"},
                                                      {"standardize", "zca(0.01)", "normalize"}};
  for (const auto& recipe : recipes) {
    DataSet train = read_data(comm, {.source = "digits:train[:700]"});
    DataSet test = read_data(comm, {.source = "digits:test[:300]"}, &train);
    DataSet train_alone = read_data(self, {.source = "digits:train[:700]"});
    DataSet test_alone = read_data(self, {.source = "digits:test[:300]"}, &train_alone);
    Preprocessor spread = Preprocessor::fit(comm, steps(recipe), train);
    Preprocessor alone = Preprocessor::fit(self, steps(recipe), train_alone);
    spread.apply(comm, test);
    alone.apply(self, test_alone);
    expect_same_columns(train, train_alone);
    expect_same_columns(test, test_alone);
    EXPECT_EQ(spread.warnings(), alone.warnings());
  }
}

TEST(Preprocess, StandardizedFeaturesHaveMeanZeroAndVarianceOne) {
  const Communicator comm = Communicator::world();
  // The mean is 1e6 times the deviation: one pass of sums of squares would lose the variance.
  const auto value = [](Index s, Index f) {
    return 1e6 * static_cast<double>(f) + std::sin(static_cast<double>(7 * s + f));
  };
  DataSet train = make_set(comm, 500, 5, value);
  Preprocessor::fit(comm, steps({"standardize"}), train);
  for (Index f = 0; f < 5; ++f) {
    double sum = 0;
    double squares = 0;
    for (Index j = 0; j < train.inputs.cols(); ++j) {
      sum += train.inputs(f, j);
      squares += train.inputs(f, j) * train.inputs(f, j);
    }
    EXPECT_NEAR(comm.sum(sum) / 500, 0, 1e-8);
    EXPECT_NEAR(comm.sum(squares) / 500, 1, 1e-8);
  }
}

TEST(Preprocess, ConstantFeatureIsReportedAndBecomesZero) {
  const Communicator comm = Communicator::world();
  // 0.1 is no sum of powers of two: its mean by summing is not 0.1.
  const auto value = [](Index s, Index f) { return f == 2 ? 0.1 : static_cast<double>((s * (f + 3)) % 11); };
  DataSet train = make_set(comm, 333, 4, value);
  DataSet test = make_set(comm, 10, 4, [](Index, Index) { return 0.6; });
  Preprocessor preprocessor = Preprocessor::fit(comm, steps({"standardize"}), train);
  for (Index j = 0; j < train.inputs.cols(); ++j) EXPECT_EQ(train.inputs(2, j), 0.0);
  preprocessor.apply(comm, test);
  for (Index j = 0; j < test.inputs.cols(); ++j) EXPECT_EQ(test.inputs(2, j), 0.5);
  ASSERT_EQ(preprocessor.warnings().size(), 1u);
  EXPECT_TRUE(says(preprocessor.warnings()[0], {"1 of 4 features", "feature 2"}));
}

TEST(Preprocess, ZeroSampleStaysZeroAndIsCounted) {
  const Communicator comm = Communicator::world();
  // Huge and tiny samples: their squares leave the range of double.
  const auto value = [](Index s, Index f) {
    if (s % 50 == 7) return 0.0;
    return static_cast<double>(f + 1) * (s % 3 == 0 ? 1e200 : s % 3 == 1 ? 1e-200 : 1.0);
  };
  DataSet train = make_set(comm, 200, 3, value);
  const Preprocessor preprocessor = Preprocessor::fit(comm, steps({"normalize"}), train);
  for (Index j = 0; j < train.inputs.cols(); ++j) {
    const double expected = (train.local.begin + j) % 50 == 7 ? 0.0 : 2.0 / std::sqrt(14.0);
    EXPECT_NEAR(train.inputs(1, j), expected, 1e-15);
  }
  ASSERT_EQ(preprocessor.warnings().size(), 1u);
  EXPECT_TRUE(says(preprocessor.warnings()[0], {"4 of 200 samples"}));
}

TEST(Preprocess, ZcaWhitensAndKeepsTheAxes) {
  const Communicator comm = Communicator::world();
  const auto value = [](Index s, Index f) {
    const auto x = [&](int k) { return std::sin(static_cast<double>(s * s % 1009) * (0.7 + 0.31 * k)); };
    return x(static_cast<int>(f)) + 0.5 * x(static_cast<int>((f + 1) % 70)) + 3.0;
  };
  DataSet alone = make_set(Communicator::self(), 400, 70, value);
  Preprocessor::fit(Communicator::self(), steps({"zca(0)"}), alone);
  const Matrix<double> identity = covariance(alone);
  for (Index a = 0; a < 70; ++a)
    for (Index b = 0; b < 70; ++b) EXPECT_NEAR(identity(a, b), a == b ? 1.0 : 0.0, 1e-9);
  // Any rotation of these would be white as well; ZCA's W is symmetric, and so is the product W C of whitened
  // and centred.
  DataSet centred = make_set(Communicator::self(), 400, 70, value);
  Preprocessor::fit(Communicator::self(), steps({"center"}), centred);
  const auto product = [&](Index a, Index b) {
    double sum = 0;
    for (Index s = 0; s < 400; ++s) sum += alone.inputs(a, s) * centred.inputs(b, s);
    return sum;
  };
  for (Index a = 0; a < 70; ++a)
    for (Index b = 0; b < a; ++b) EXPECT_NEAR(product(a, b), product(b, a), 1e-9);
  DataSet spread = make_set(comm, 400, 70, value);
  Preprocessor::fit(comm, steps({"zca(0)"}), spread);
  expect_same_columns(spread, alone);
}

TEST(Preprocess, ZcaOfUncorrelatedFeaturesDividesByTheRoot) {
  // Variances 4 and 1, mean 2.5, eps 0.1: divisors sqrt(4.25) and sqrt(1.25).
  const auto value = [](Index s, Index f) {
    return f == 0 ? (s % 2 == 0 ? 2.0 : -2.0) : (s / 2 % 2 == 0 ? 1.0 : -1.0);
  };
  const Communicator comm = Communicator::world();
  DataSet train = make_set(comm, 256, 2, value);
  Preprocessor::fit(comm, steps({"zca(0.1)"}), train);
  for (Index j = 0; j < train.inputs.cols(); ++j) {
    const Index s = train.local.begin + j;
    EXPECT_NEAR(train.inputs(0, j), value(s, 0) / std::sqrt(4.25), 1e-13);
    EXPECT_NEAR(train.inputs(1, j), value(s, 1) / std::sqrt(1.25), 1e-13);
  }
}

TEST(Preprocess, ErrorsAreOfAllRanks) {
  const Communicator comm = Communicator::world();
  EXPECT_TRUE(says(error_of(comm,
                            [&] {
                              DataSet set = make_set(comm, 100, 3,
                                                     [](Index s, Index) { return static_cast<double>(s); });
                              Preprocessor::fit(comm, steps({"zca(0)"}), set);
                            }),
                   {"zca(0)", "singular", "zca(0.1)"}));
  EXPECT_TRUE(says(error_of(comm,
                            [&] {
                              DataSet set =
                                  make_set(comm, 200, 3, [](Index s, Index) { return s == 130 ? 1e300 : 1; });
                              Preprocessor::fit(comm, steps({"scale(1e10)"}), set);
                            }),
                   {"scale(1", "sample 130", "inf"}));
  EXPECT_TRUE(says(error_of(comm,
                            [&] {
                              DataSet train = read_data(comm, {.source = "digits:train[:100]"});
                              DataSet test = make_set(comm, 10, 3,
                                                      [](Index s, Index) { return static_cast<double>(s); });
                              Preprocessor::fit(comm, steps({"center"}), train).apply(comm, test);
                            }),
                   {"3 features", "64"}));
}

}  // namespace
}  // namespace widegram::io
