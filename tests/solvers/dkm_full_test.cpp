#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "solvers/dkm/full_predictor.hpp"
#include "src/mpi/agree.hpp"
#include "tests/solvers/dkm_support.hpp"
#include "tests/support/tao_gradient.hpp"

namespace widegram::dkm::test {
namespace {

using solvers::largest_difference;

const std::vector<double> v1{1, 0.3, 0.9, -0.2, 0.1, 0.8};
const std::vector<double> v2{0.9, 0.2, 1.1, -0.4, 0.3, 0.7};
const std::vector<double> d1{-1.4496348084, 0.8936801100, -0.8176891235,
                             -0.2591876712, 0.5553809722, -0.2062797568};
const std::vector<double> d2{-0.2453777140, 0.1813217940,  -0.6117220513,
                             0.0770280137,  -0.0877012466, 0.0660067952};

TEST_F(FullDkm, HasTheValueAndGradientOfAnIndependentProgram) {
  Machine machine(grid_, three_points());
  FullParameters& at = machine.parameters();
  at.factors[0] = distributed(grid_, from_triangle(3, v1), 2);
  at.factors[1] = distributed(grid_, from_triangle(3, v2), 2);
  at.nu = {1.5, 0.7};
  at.noise = 0.1;
  FullGradient& gradient = machine.gradient();
  const FullValue value = machine.objective().value_and_gradient(at, gradient);
  ASSERT_FALSE(value.breakdown);
  EXPECT_NEAR(value.objective, -8.566009423559, 1e-9);
  EXPECT_NEAR(value.log_likelihood, -7.509300773484, 1e-9);
  EXPECT_NEAR(value.divergences[0], 0.537161437060, 1e-9);
  EXPECT_NEAR(value.divergences[1], 0.358523563551, 1e-9);
  EXPECT_NEAR(gradient.noise, -0.4529882975, 1e-9);
  const auto expected = [](const std::vector<double>& d, const std::vector<double>& v) {
    Matrix<double> slope = product(symmetric(from_triangle(3, d)), from_triangle(3, v));
    for (Index k = 0; k < 9; ++k) slope.data()[k] *= 2;
    return slope;
  };
  expect_near_lower(dist::gather(gradient.factors[0]), expected(d1, v1), 1e-9);
  expect_near_lower(dist::gather(gradient.factors[1]), expected(d2, v2), 1e-9);
  expect_near_lower(dist::gather(gradient.factors[0]),
                    from_triangle(3, {-2.2593864823, 1.0745943571, -1.3607642279, -0.1026348563, 0.9584297986,
                                      -0.3300476108}),
                    1e-9);
}

TEST_F(FullDkm, StartsAtTheInfinitelyWideNetwork) {
  Machine machine(grid_, three_points());
  EXPECT_NEAR(machine.value(machine.coordinates().start()), -8.384978241714, 1e-9);
  std::vector<double> gradient(machine.coordinates().start().size());
  machine.evaluate(machine.coordinates().start(), gradient);
  for (const double divergence : machine.last().divergences) EXPECT_NEAR(divergence, 0, 1e-12);
}

/// Central differences along random directions, and along each learned number alone.
void expect_gradient(const ProcessGrid& grid, const Problem& problem) {
  Machine machine(grid, problem);
  const mpi::Communicator& comm = grid.comm();
  const std::vector<double> x = random_start(machine, 21, 0.2);
  std::vector<double> gradient(x.size());
  ASSERT_TRUE(machine.evaluate(x, gradient));
  const auto check = [&](const std::vector<double>& direction, const char* what) {
    double slope = 0;
    for (std::size_t i = 0; i < x.size(); ++i) slope -= gradient[i] * direction[i];
    slope = comm.sum(slope);
    const auto at = [&](double step) {
      std::vector<double> moved = x;
      for (std::size_t i = 0; i < x.size(); ++i) moved[i] += step * direction[i];
      return machine.value(moved);
    };
    constexpr double h = 1e-4;
    // Fourth order.
    const double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    EXPECT_NEAR(slope, difference, 1e-7 * std::max(1.0, std::abs(slope))) << what;
  };
  for (const std::uint64_t seed : {31, 32, 33}) check(random_start(machine, seed, 1.0), "factors");
  for (Index k = 0; k < machine.coordinates().learned(); ++k) {
    std::vector<double> one(static_cast<std::size_t>(machine.coordinates().learned()));
    one[static_cast<std::size_t>(k)] = 1;
    std::vector<double> direction(x.size());
    machine.coordinates().set_learned_part(one, direction);
    check(direction, "learned number");
  }
}

TEST_F(FullDkm, GradientsAgreeWithDifferencesForEveryMap) {
  for (const char* name : {"arccos", "sqexp", "normgauss", "linear", "erf", "gelu", "sin"}) {
    SCOPED_TRACE(name);
    expect_gradient(grid_, random_problem(map_spec(name), 9, {1.3, 0.8}, 0.2));
  }
}

TEST_F(FullDkm, GradientsAgreeWithDifferencesForLearnedNumbersAndJitter) {
  Problem problem = random_problem(map_spec("arccos"), 9, {1.3, 0.8, 2.0}, 0.2);
  problem.settings.learn_noise = true;
  problem.settings.learn_nu = true;
  problem.jitter = 0.05;
  expect_gradient(grid_, problem);
}

TEST_F(FullDkm, GradientsPassTheTestOfTao) {
  for (const char* name : {"arccos", "sqexp", "normgauss", "linear", "erf"}) {
    SCOPED_TRACE(name);
    Problem problem = random_problem(map_spec(name), 6, {1.3, 0.8}, 0.2);
    problem.settings.learn_noise = problem.settings.learn_nu = true;
    Machine machine(grid_, problem);
    const std::vector<double> errors = widegram::test::gradient_errors_by_tao(
        [&] { machine.train(random_start(machine, 21, 0.2), {.max_iterations = 1}); });
    for (const double error : errors) EXPECT_LT(error, 1e-5);
    EXPECT_GE(errors.size(), comm_.is_root() ? 2U : 0U);
  }
}

TEST_F(FullDkm, LearnsTheNoise) {
  Problem problem = random_problem(map_spec("arccos"), 12, {50}, 1e-2);
  problem.settings.learn_noise = true;
  Machine machine(grid_, problem);
  const double fixed = machine.value(machine.coordinates().start());
  const auto result = machine.train(machine.coordinates().start(), {.tolerance = 1e-6});
  EXPECT_EQ(result.end, solvers::TaoResult::End::converged);
  EXPECT_GT(-result.value, fixed + 1);
  EXPECT_NE(machine.parameters().noise, 1e-2);
  std::vector<double> gradient(result.x.size());
  machine.evaluate(result.x, gradient);
  EXPECT_NEAR(machine.gradient().noise * machine.parameters().noise, 0, 1e-5);
}

TEST_F(FullDkm, SumsUpInTheSameWayEveryTime) {
  Machine machine(grid_, random_problem(map_spec("arccos"), 20, {1, 1}, 0.2));
  const std::vector<double> x = random_start(machine, 3, 0.3);
  std::vector<double> first(x.size());
  std::vector<double> second(x.size());
  const auto a = machine.evaluate(x, first);
  const auto b = machine.evaluate(x, second);
  EXPECT_EQ(*a, *b);
  EXPECT_EQ(first, second);
}

TEST_F(FullDkm, NamesTheLayerThatIsNotPositiveDefinite) {
  // Samples 2 and 6 are alike.
  Problem problem = random_problem(map_spec("arccos"), 9, {1, 1}, 0.2);
  for (Index i = 0; i < 9; ++i) {
    problem.input_gram(6, i) = problem.input_gram(2, i);
    problem.input_gram(i, 6) = problem.input_gram(i, 2);
  }
  problem.input_gram(6, 6) = problem.input_gram(6, 2) = problem.input_gram(2, 6) = problem.input_gram(2, 2);
  try {
    Machine machine(grid_, problem);
    FAIL() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    const std::string message = error.what();
    for (const char* part : {"K(G_0)", "order 7", "sample 6", "dkm.jitter"})
      EXPECT_NE(message.find(part), std::string::npos) << message;
  }
  problem.jitter = 1e-6;
  Machine machine(grid_, problem);
  EXPECT_TRUE(std::isfinite(machine.value(machine.coordinates().start())));
}

TEST_F(FullDkm, SaysWhereAPointLeavesTheCone) {
  Machine machine(grid_, random_problem(map_spec("arccos"), 9, {1, 1}, 0.2));
  std::vector<double> x = machine.coordinates().start();
  DistributedMatrix<double> w = machine.objective().matrix();
  w.fill(0);
  if (w.owns(5, 5)) w.local_block({5, 6}, {5, 6})(0, 0) = -2000;
  machine.coordinates().pack(w, 1, x);
  std::vector<double> gradient(x.size());
  EXPECT_FALSE(machine.evaluate(x, gradient));
  ASSERT_TRUE(machine.last().breakdown);
  EXPECT_EQ(machine.last().breakdown->layer, 2);
  EXPECT_EQ(machine.last().breakdown->minor, 6);
  EXPECT_NE(machine.last().breakdown->message(0).find("G_2 of layer 2"), std::string::npos);
}

FullMachine trained(Machine& machine, const Problem& problem, const ProcessGrid& grid) {
  FullMachine all{.grams = {},
                  .targets = distributed(grid, problem.targets, problem.block),
                  .noise = problem.settings.noise,
                  .jitter = problem.jitter};
  for (Index l = 0; l <= problem.layers(); ++l) all.grams.push_back(machine.objective().gram(l).copy());
  return all;
}

/// At W = I the machine is Gaussian process regression with the kernel of the infinitely wide network.
TEST_F(FullDkm, PredictsAsAGaussianProcessAtTheInfinitelyWideNetwork) {
  constexpr Index n = 20;
  constexpr Index m = 7;
  const Matrix<double> all = random_gram(n + m, n + m + 3, 9);
  Problem problem = random_problem(map_spec("arccos"), n, {1, 1}, 0.3);
  problem.input_gram = filled(n, n, [&](Index i, Index j) { return all(i, j); });
  Machine machine(grid_, problem);
  machine.value(machine.coordinates().start());
  const FullPredictor predictor(machine.map(), trained(machine, problem, grid_));
  std::vector<double> own;
  for (Index t = 0; t < m; ++t) own.push_back(all(n + t, n + t));
  const FullPrediction prediction = predictor.predict(
      distributed(grid_, filled(n, m, [&](Index i, Index t) { return all(i, n + t); }), problem.block), own,
      0);

  Matrix<double> kernel = all;
  for (int layer = 0; layer < 3; ++layer)
    symmetric_values<double>(machine.map(), kernel.view(), kernel.view());
  const Matrix<double> train = filled(n, n, [&](Index i, Index j) { return kernel(i, j); });
  const Matrix<double> cross = filled(n, m, [&](Index i, Index t) { return kernel(i, n + t); });
  const Matrix<double> mean = product(transposed(cross), solvers::lapack_solve(train, 0.3, problem.targets));
  EXPECT_LT(largest_difference(prediction.mean, mean), 1e-10);
  const Matrix<double> explained = product(transposed(cross), solvers::lapack_solve(train, 0.3, cross));
  for (Index t = 0; t < m; ++t)
    EXPECT_NEAR(prediction.variance[static_cast<std::size_t>(t)], kernel(n + t, n + t) - explained(t, t),
                1e-10);
}

/// A training sample that is asked for as a test sample has the Gram's own entries in every layer.
TEST_F(FullDkm, PredictsTrainingSamplesFromTheirOwnRows) {
  constexpr Index n = 15;
  Problem problem = random_problem(map_spec("arccos"), n, {0.7, 1.1}, 0.3);
  Machine machine(grid_, problem);
  machine.value(random_start(machine, 5, 0.4));
  const FullPredictor predictor(machine.map(), trained(machine, problem, grid_));
  std::vector<double> own;
  for (Index i = 0; i < n; ++i) own.push_back(problem.input_gram(i, i));
  const FullPrediction prediction =
      predictor.predict(distributed(grid_, problem.input_gram, problem.block), own, 0);
  Matrix<double> top = machine.gram(2);
  symmetric_values<double>(machine.map(), top.view(), top.view());
  const Matrix<double> mean = product(top, solvers::lapack_solve(top, 0.3, problem.targets));
  EXPECT_LT(largest_difference(prediction.mean, mean), 1e-9);
}

TEST_F(FullDkm, NamesATestSampleWhoseVarianceIsNotPositive) {
  constexpr Index n = 6;
  Problem problem = random_problem(map_spec("arccos"), n, {1}, 0.3);
  Machine machine(grid_, problem);
  machine.value(machine.coordinates().start());
  const FullPredictor predictor(machine.map(), trained(machine, problem, grid_));
  const Matrix<double> cross = filled(n, 2, [&](Index i, Index) { return problem.input_gram(i, 0); });
  try {
    predictor.predict(distributed(grid_, cross, problem.block), {problem.input_gram(0, 0), -1.0}, 30);
    FAIL() << "no error";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("test sample 31"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace widegram::dkm::test
