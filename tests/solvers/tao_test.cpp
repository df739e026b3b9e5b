#include "solvers/tao.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "src/mpi/agree.hpp"
#include "tests/solvers/support.hpp"

namespace widegram::solvers {
namespace {

/// Rosenbrock's valley in every pair of neighbours (x_2i, x_2i+1); pairs are dealt out to the ranks.
class Tao : public testing::Test {
 protected:
  static constexpr Index pairs = 15;

  Index mine() const { return pairs / comm_.size() + (comm_.rank() < pairs % comm_.size() ? 1 : 0); }
  std::vector<double> start() const {
    std::vector<double> x(static_cast<std::size_t>(2 * mine()), 1.0);
    for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -1.2;
    return x;
  }
  double valley(std::span<const double> x, std::span<double> gradient) const {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); i += 2) {
      const double miss = x[i + 1] - x[i] * x[i];
      sum += 100 * miss * miss + (1 - x[i]) * (1 - x[i]);
      gradient[i] = -400 * miss * x[i] - 2 * (1 - x[i]);
      gradient[i + 1] = 200 * miss;
    }
    return comm_.sum(sum);
  }
  TaoFunction function() const {
    return [this](std::span<const double> x, std::span<double> gradient) {
      return std::optional(valley(x, gradient));
    };
  }

  const mpi::Communicator comm_ = mpi::Communicator::world();
};

TEST_F(Tao, FindsTheMinimumAndTellsOfEveryIteration) {
  std::vector<TaoProgress> told;
  const TaoResult result =
      minimize(comm_, function(), start(),
               {.tolerance = 1e-8, .iteration = [&](const TaoProgress& now) { told.push_back(now); }});
  EXPECT_EQ(result.end, TaoResult::End::converged);
  for (const double x : result.x) EXPECT_NEAR(x, 1.0, 1e-7);
  ASSERT_EQ(std::ssize(told), result.iterations + 1);
  for (std::size_t k = 0; k < told.size(); ++k) EXPECT_EQ(told[k].iteration, static_cast<Index>(k));
  for (std::size_t k = 1; k < told.size(); ++k) EXPECT_LE(told[k].value, told[k - 1].value);
  EXPECT_LE(result.gradient_norm, 1e-8);
}

TEST_F(Tao, EndsAfterTheMostIterations) {
  const TaoResult result = minimize(comm_, function(), start(), {.max_iterations = 5});
  EXPECT_EQ(result.end, TaoResult::End::iterations);
  EXPECT_EQ(result.iterations, 5);
}

/// The same steps, bit for bit, wherever the run is cut.
TEST_F(Tao, GoesOnAsIfNothingHadHappened) {
  const auto run = [&](std::vector<Index> stops) {
    std::vector<double> values;
    TaoState state;
    TaoResult result;
    bool fresh = true;
    do {
      TaoOptions options{.tolerance = 1e-8};
      if (!fresh) options.initial = &state;
      fresh = false;
      Index now = 0;
      TaoState saved;
      options.iteration = [&](const TaoProgress& progress) {
        values.push_back(progress.value);
        now = progress.iteration;
      };
      options.wish = [&] {
        if (stops.empty() || now < stops.front()) return TaoWish::go_on;
        stops.erase(stops.begin());
        return TaoWish::stop;
      };
      options.save = [&](const TaoState& what) { saved = what; };
      result = minimize(comm_, function(), start(), options);
      state = std::move(saved);
    } while (result.end == TaoResult::End::stopped);
    EXPECT_EQ(result.end, TaoResult::End::converged);
    return values;
  };
  const std::vector<double> whole = run({});
  EXPECT_GT(whole.size(), 20u);
  EXPECT_EQ(run({0}), whole);
  EXPECT_EQ(run({1, 2, 9}), whole);
  EXPECT_EQ(run({17}), whole);
}

/// x - log x: the first steps, as long as the slope is steep, go below zero.
TEST_F(Tao, SurvivesStepsOutOfTheDomain) {
  const TaoFunction logarithms = [&](std::span<const double> x,
                                     std::span<double> gradient) -> std::optional<double> {
    double sum = 0;
    double least = 1;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += x[i] - std::log(x[i]);
      gradient[i] = 1 - 1 / x[i];
      least = std::min(least, x[i]);
    }
    if (comm_.min(least) <= 0) return std::nullopt;
    return comm_.sum(sum);
  };
  std::vector<double> far = start();
  for (double& x : far) x = 10 + std::abs(x);
  const TaoResult result = minimize(comm_, logarithms, far, {.tolerance = 1e-8});
  EXPECT_EQ(result.end, TaoResult::End::converged);
  EXPECT_GT(result.refused, 0);
  for (const double x : result.x) EXPECT_NEAR(x, 1.0, 1e-7);
}

TEST_F(Tao, SaysThatTheStartIsOutside) {
  const TaoFunction nowhere = [](std::span<const double>, std::span<double>) {
    return std::optional<double>();
  };
  EXPECT_EQ(minimize(comm_, nowhere, start()).end, TaoResult::End::refused);
}

TEST_F(Tao, KeepsToBounds) {
  TaoOptions options{.tolerance = 1e-8};
  options.lower.assign(start().size(), -2.0);
  options.upper.assign(start().size(), 0.5);
  std::vector<double> inside = start();
  for (double& x : inside) x = std::min(x, 0.4);
  const TaoResult result = minimize(comm_, function(), inside, options);
  EXPECT_EQ(result.end, TaoResult::End::converged);
  for (std::size_t i = 0; i < result.x.size(); i += 2) {
    EXPECT_NEAR(result.x[i], 0.5, 1e-8);
    EXPECT_NEAR(result.x[i + 1], 0.25, 1e-7);
  }
}

TEST_F(Tao, ThrowsWhatTheFunctionThrows) {
  Index calls = 0;
  const TaoFunction broken = [&](std::span<const double> x,
                                 std::span<double> gradient) -> std::optional<double> {
    if (++calls == 3) throw mpi::CollectiveError(ExitCode::files, "the disk is full");
    return valley(x, gradient);
  };
  EXPECT_THROW(minimize(comm_, broken, start()), mpi::CollectiveError);
}

TEST_F(Tao, ListensToPetscOptions) {
  const PetscOption most("-tao_max_it", "3");
  EXPECT_EQ(minimize(comm_, function(), start()).iterations, 3);
}

TEST_F(Tao, RefusesMethodsThatDoNotGoByGradients) {
  const PetscOption type("-tao_type", "nm");
  try {
    minimize(comm_, function(), start());
    FAIL() << "accepted";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("-tao_type nm"), std::string::npos) << error.what();
  }
}

TEST_F(Tao, TakesOtherMethodsOfTao) {
  const TaoResult result = minimize(comm_, function(), start(), {.type = "blmvm", .tolerance = 1e-7});
  EXPECT_EQ(result.end, TaoResult::End::converged);
  for (const double x : result.x) EXPECT_NEAR(x, 1.0, 1e-5);
}

}  // namespace
}  // namespace widegram::solvers
