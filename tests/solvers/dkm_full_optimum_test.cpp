#include <gtest/gtest.h>

#include "tests/solvers/dkm_support.hpp"

namespace widegram::dkm::test {
namespace {

using solvers::largest_difference;

const std::vector<double> best_g1{0.5407140098,  0.2738152053, 0.5814976866,
                                  -0.1085665163, 0.1502316084, 0.6783282206};
const std::vector<double> best_g2{0.5278134372,  0.1009766271, 0.3749413848,
                                  -0.3043266941, 0.0096155246, 0.6588414252};
constexpr double best_objective = -7.416162185074;

Problem three_points_linear(std::vector<double> nu) {
  const double y[3][3] = {{1, -0.5, 0.2}, {0.3, 0.8, -0.4}, {-1.2, 0.1, 0.6}};
  return {.map = map_spec("linear"),
          .input_gram = symmetric(from_triangle(3, {1, 0.3, 1.2, -0.2, 0.1, 0.9})),
          .targets = filled(3, 3, [&](Index i, Index k) { return y[i][k]; }),
          .settings = {.nu = std::move(nu), .noise = 0},
          .block = 2};
}

TEST_F(FullDkm, FourRandomStartsReachTheSameOptimum) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    Machine machine(grid_, three_points());
    const auto result =
        machine.train(random_start(machine, seed, 0.6), {.tolerance = 1e-9, .max_iterations = 1000});
    EXPECT_EQ(result.end, solvers::TaoResult::End::converged) << seed;
    EXPECT_NEAR(-result.value, best_objective, 1e-10) << seed;
    expect_near_lower(machine.gram(1), from_triangle(3, best_g1), 1e-7);
    expect_near_lower(machine.gram(2), from_triangle(3, best_g2), 1e-7);
  }
}

TEST_F(FullDkm, GoesToTheInfinitelyWideNetworkAsNuGrows) {
  const auto gain = [&](double factor) {
    Problem problem = three_points();
    for (double& nu : problem.settings.nu) nu *= factor;
    Machine machine(grid_, problem);
    const double nngp = machine.value(machine.coordinates().start());
    return -machine.train(machine.coordinates().start(), {.tolerance = 1e-8}).value - nngp;
  };
  EXPECT_NEAR(gain(100), 0.04204013, 1e-7);
}

TEST_F(FullDkm, ApproachesTheInfinitelyWideNetworkLikeOneOverNu) {
  std::vector<double> distances;
  for (const double nu : {1e3, 1e4, 1e5}) {
    Problem problem = random_problem(map_spec("arccos"), 50, {nu, nu}, 0.2);
    problem.block = 8;
    Machine machine(grid_, problem);
    machine.value(machine.coordinates().start());
    const Matrix<double> nngp = machine.gram(2);
    const auto result = machine.train(machine.coordinates().start(), {.tolerance = 1e-5});
    EXPECT_EQ(result.end, solvers::TaoResult::End::converged);
    distances.push_back(largest_difference(machine.gram(2), nngp));
  }
  EXPECT_NEAR(distances[0] / distances[1], 10, 0.3);
  EXPECT_NEAR(distances[1] / distances[2], 10, 0.1);
}

TEST_F(FullDkm, HasTheClosedFormOfLinearKernels) {
  {
    Machine machine(grid_, three_points_linear({3, 3}));
    const auto result =
        machine.train(machine.coordinates().start(), {.tolerance = 1e-9, .max_iterations = 2000});
    EXPECT_NEAR(-result.value, -8.389931028605, 1e-9);
    expect_near_lower(machine.gram(1),
                      from_triangle(3, {0.6568349794, 0.0017316025, 0.6270987537, -0.3514716751,
                                        -0.1135956219, 0.7367592910}),
                      1e-7);
  }
  Machine machine(grid_, three_points_linear({2}));
  const auto result =
      machine.train(machine.coordinates().start(), {.tolerance = 1e-9, .max_iterations = 2000});
  EXPECT_NEAR(-result.value, -8.388975693055, 1e-9);
  expect_near_lower(machine.gram(1),
                    from_triangle(3, {0.5120835897, -0.0782045779, 0.4002709013, -0.3918419546, -0.1771270380,
                                      0.6610631138}),
                    1e-7);
}

/// With all nu = outputs and C = Y Y^T / outputs: G_l = G_0 (G_0^-1 C)^(l / (L + 1)), so G_1 G_0^-1 G_1 = G_2
/// and G_2 G_1^-1 G_2 = C.
TEST_F(FullDkm, LinearKernelsOnFiftySamples) {
  constexpr Index n = 50;
  const CounterRandom random(11, 3);
  Problem problem{.map = map_spec("linear"),
                  .input_gram = random_gram(n, 4 * n, 5),
                  .targets = filled(n, 4 * n,
                                    [&](Index i, Index k) {
                                      return random.normal(static_cast<std::uint64_t>(4 * n * i + k));
                                    }),
                  .settings = {.nu = {4.0 * n, 4.0 * n}, .noise = 0},
                  .block = 8};
  Machine machine(grid_, problem);
  const auto result =
      machine.train(machine.coordinates().start(), {.tolerance = 1e-6, .max_iterations = 2000});
  EXPECT_EQ(result.end, solvers::TaoResult::End::converged);
  const Matrix<double> g1 = machine.gram(1);
  const Matrix<double> g2 = machine.gram(2);
  EXPECT_LT(largest_difference(product(g1, solvers::lapack_solve(problem.input_gram, 0, g1)), g2), 1e-6);
  Matrix<double> c = product(problem.targets, transposed(problem.targets));
  for (Index k = 0; k < n * n; ++k) c.data()[k] /= 4.0 * n;
  EXPECT_LT(largest_difference(product(g2, solvers::lapack_solve(g1, 0, g2)), c), 1e-6);
}

}  // namespace
}  // namespace widegram::dkm::test
