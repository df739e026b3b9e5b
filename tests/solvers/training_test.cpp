#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "solvers/early_stopping.hpp"
#include "solvers/eigen_training.hpp"
#include "solvers/krylov_training.hpp"
#include "src/dist/stored_operator.hpp"
#include "src/mpi/agree.hpp"
#include "tests/solvers/spectral_support.hpp"
#include "tests/support/messages.hpp"

namespace widegram::solvers {
namespace {

using dist::ProcessGrid;
using test::expect_refused;

constexpr double forever = std::numeric_limits<double>::infinity();
constexpr Index columns = 3;

Matrix<double> chosen(const Matrix<double>& a, const std::vector<GlobalIndex>& rows,
                      const std::vector<GlobalIndex>& cols) {
  return filled(std::ssize(rows), std::ssize(cols), [&](Index i, Index j) {
    return a(rows[static_cast<std::size_t>(i)], cols[static_cast<std::size_t>(j)]);
  });
}

/// What both ways are held to, by LAPACK on one rank.
struct Reference {
  Matrix<double> alpha;
  Matrix<double> outputs;
};

/// f: (K + ridge I)^-1 share(t) of an eigenvalue of K.
template <class F>
Reference reference(const Matrix<double>& a, const Matrix<double>& y, const HoldOutSplit& split, F&& f) {
  const std::vector<GlobalIndex> all_columns = in_order(y.cols());
  const Matrix<double> alpha = dense_function(dense_eigen(chosen(a, split.fitted, split.fitted)), f,
                                              chosen(y, split.fitted, all_columns));
  Reference found{Matrix<double>(a.rows(), y.cols()), Matrix<double>(a.rows(), y.cols())};
  for (Index k = 0; k < y.cols(); ++k)
    for (Index j = 0; j < alpha.rows(); ++j) {
      const GlobalIndex sample = split.fitted[static_cast<std::size_t>(j)];
      found.alpha(sample, k) = alpha(j, k);
      for (Index i = 0; i < a.rows(); ++i) found.outputs(i, k) += a(i, sample) * alpha(j, k);
    }
  return found;
}

class Training : public testing::Test {
 protected:
  ProcessGrid grid_ = ProcessGrid::square(mpi::Communicator::world());

  std::unique_ptr<TrainingPath> by_eigen(const Matrix<double>& a, const Matrix<double>& y, Index block,
                                         const std::optional<HoldOutSplit>& split,
                                         const TrainingOptions& options) const {
    return std::make_unique<EigenTraining>(distributed(grid_, a, block), distributed(grid_, y, block), split,
                                           options);
  }
  std::unique_ptr<KrylovTraining> by_krylov(const Matrix<double>& a, const Matrix<double>& y, Index block,
                                            const std::optional<HoldOutSplit>& split,
                                            std::vector<double> times,
                                            const KrylovTrainingOptions& options) const {
    const auto gram = distributed(grid_, a, block);
    return std::make_unique<KrylovTraining>(
        dist::StoredOperator(gram), y.view(),
        split ? std::span<const GlobalIndex>(split->held_out) : std::span<const GlobalIndex>(), times,
        options);
  }
};

TEST_F(Training, BothWaysAreLapacks) {
  for (const auto [n, block] : sizes)
    for (const bool held : {false, true})
      for (const Descent descent : {Descent::flow, Descent::steps}) {
        if (held && n < 4) continue;
        const Matrix<double> a = filled(n, n, &gram_entry);
        const Matrix<double> y =
            filled(n, columns, [](Index i, Index k) { return k == 1 ? 0.0 : target_entry(i, k); });
        std::optional<HoldOutSplit> split;
        if (held) split = split_random(n, 0.25, 0);
        const HoldOutSplit whole = split.value_or(HoldOutSplit{in_order(n), {}});
        const double nk = static_cast<double>(std::ssize(whole.fitted) * columns);
        const double largest = dense_eigen(chosen(a, whole.fitted, whole.fitted)).values.back();
        const TrainingOptions options{.descent = descent, .ridge = held ? 0.1 : 0.0};
        const std::vector<double> times{0.0, 1.0, 7.0, 300.0, forever};
        const auto eigen = by_eigen(a, y, block, split, options);
        const auto krylov = by_krylov(a, y, block, split, times, {.training = options, .tolerance = 1e-11});
        const double rate = nk / (largest + options.ridge);
        for (const TrainingPath* path :
             std::initializer_list<const TrainingPath*>{eigen.get(), krylov.get()}) {
          EXPECT_NEAR(path->law().options().rate, rate, 1e-9 * rate);
          EXPECT_NEAR(path->largest_stable_rate(), 2 * rate, 1e-9 * rate);
          for (const double t : times) {
            const Reference expected = reference(a, y, whole, [&](double x) {
              const double l = x + options.ridge;
              if (std::isinf(t)) return 1 / l;
              return (1 - (descent == Descent::flow ? std::exp(-rate * l * t / nk)
                                                    : std::pow(1 - rate * l / nk, t))) /
                     l;
            });
            EXPECT_LT(largest_difference(path->coefficients(t), expected.alpha), 1e-8) << n << ", t = " << t;
            EXPECT_LT(largest_difference(path->outputs(t), expected.outputs), 1e-8) << n << ", t = " << t;
          }
        }
        EXPECT_LE(krylov->residual(), 1e-11);
        EXPECT_LT(krylov->coefficient_error(), 1e-8);
      }
}

TEST_F(Training, AGivenRateIsTakenAndOneThatDivergesRefused) {
  const Matrix<double> a = filled(23, 23, &gram_entry);
  const Matrix<double> y = filled(23, 1, &target_entry);
  const double limit = by_eigen(a, y, 4, {}, {})->largest_stable_rate();
  for (const Descent descent : {Descent::flow, Descent::steps})
    for (const double rate : {0.01 * limit, 0.9 * limit, 3 * limit}) {
      const TrainingOptions options{.descent = descent, .rate = rate};
      const auto both = [&] {
        const auto eigen = by_eigen(a, y, 4, {}, options);
        const auto krylov = by_krylov(a, y, 4, {}, {20.0}, {.training = options, .tolerance = 1e-11});
        EXPECT_LT(largest_difference(eigen->coefficients(20.0), krylov->coefficients(20.0)), 1e-8);
      };
      if (descent == Descent::flow || rate < limit) {
        both();
        continue;
      }
      expect_refused(ExitCode::usage, "are stable", [&] { by_eigen(a, y, 4, {}, options); });
      expect_refused(ExitCode::usage, "are stable", [&] { by_krylov(a, y, 4, {}, {20.0}, {options}); });
    }
}

TEST_F(Training, TheLargestEigenvalueNeedsNoTargetsAlongIt) {
  const Index n = 60;
  // The constant vector leads by far, and the targets are at right angles to it.
  const Matrix<double> a = filled(n, n, [](Index i, Index j) { return 5.0 + gram_entry(i, j); });
  const Matrix<double> y = filled(n, 1, [](Index i, Index) { return i % 2 == 0 ? 1.0 : -1.0; });
  const auto path = by_krylov(a, y, 8, {}, {1.0}, {});
  const double largest = dense_eigen(a).values.back();
  EXPECT_NEAR(path->largest_eigenvalue(), largest, 1e-10 * largest);
}

TEST_F(Training, AnIllConditionedKernelIsTrainedAsFarAsItCanBe) {
  const Index n = 60;
  const Matrix<double> a =
      filled(n, n, [](Index i, Index j) { return std::exp(-0.02 * std::pow(point(i) - point(j), 2)); });
  const Matrix<double> y = filled(n, 1, &target_entry);
  const auto eigen = by_eigen(a, y, 8, {}, {});
  const auto krylov = by_krylov(a, y, 8, {}, {1.0, 1e3}, {});
  for (const double t : {1.0, 1e3})
    EXPECT_LT(largest_difference(eigen->outputs(t), krylov->outputs(t)), 1e-8) << t;
  expect_refused(ExitCode::numerical, "ridge", [&] { by_krylov(a, y, 8, {}, {forever}, {}); });
  expect_refused(ExitCode::numerical, "after 5 steps the residual at t = 1000", [&] {
    by_krylov(a, y, 8, {}, {1.0, 1e3}, {.max_steps = 5});
  });
}

TEST_F(Training, ASingularKernelTrainsForAnyFiniteTime) {
  const Matrix<double> a = gram_with_duplicates(23);
  const Matrix<double> y = filled(23, 2, &target_entry);
  const auto eigen = by_eigen(a, y, 4, {}, {});
  const auto krylov = by_krylov(a, y, 4, {}, {50.0}, {});
  EXPECT_LT(largest_difference(eigen->coefficients(50.0), krylov->coefficients(50.0)), 1e-8);
  expect_refused(ExitCode::numerical, "ridge", [&] { by_krylov(a, y, 4, {}, {forever}, {}); });
}

TEST_F(Training, StopsWhereItIsAsked) {
  const Matrix<double> a = filled(65, 65, &gram_entry);
  const Matrix<double> y = filled(65, 1, &target_entry);
  Index asked = 0;
  KrylovTrainingOptions options;
  options.check_stop = [&] {
    if (++asked == 3) throw mpi::CollectiveError(ExitCode::stopped, "enough");
  };
  expect_refused(ExitCode::stopped, "enough", [&] { by_krylov(a, y, 8, {}, {forever}, options); });
}

TEST_F(Training, TimesThereAreNot) {
  const Matrix<double> a = filled(10, 10, &gram_entry);
  const Matrix<double> y = filled(10, 1, &target_entry);
  expect_refused(ExitCode::usage, "training time", [&] { by_krylov(a, y, 4, {}, {-1.0}, {}); });
  expect_refused(ExitCode::usage, "whole number",
                 [&] { by_krylov(a, y, 4, {}, {1.5}, {.training = {.descent = Descent::steps}}); });
  expect_refused(ExitCode::usage, "learning rate",
                 [&] { by_krylov(a, y, 4, {}, {1.0}, {.training = {.rate = -1.0}}); });
}

/// neural-tangents 0.6.5: predict.gradient_descent_mse(K, y, learning_rate=0.8, diag_reg=0.05,
/// diag_reg_absolute_scale=True), fx_*_0 = 0, in 64 bits, and predict.max_learning_rate(K, y.size). What it
/// calls the outputs at training samples is (K + ridge I) alpha, and at test samples, as here, K alpha.
TEST_F(Training, IsThatOfNeuralTangents) {
  const Index n = 5;
  const auto entry = [](double x, double z) { return std::exp(-0.25 * std::abs(x - z)) + 0.1 * x * z; };
  const auto number = [](Index i) { return static_cast<double>(i); };
  const Matrix<double> a = filled(n, n, [&](Index i, Index j) { return entry(number(i), number(j)); });
  const Matrix<double> y = filled(n, 2, [&](Index i, Index k) {
    return k == 0 ? 0.5 * number(i) - 1.0 : i % 2 == 0 ? 1.0 : -1.0;
  });
  const Matrix<double> cross =
      filled(2, n, [&](Index t, Index j) { return entry(number(t) + 0.5, number(j)); });
  struct Golden {
    double t;
    std::vector<double> train;  // a sample a row
    std::vector<double> test;
  };
  const Golden golden[] = {
      {3.0,
       {-0.2182940731820215, 0.1285549604799205, -0.08272719429289319, 0.05135601016237264,
        0.0992838169969394, 0.1492392694015806, 0.2855508625878193, 0.09515555302963698, 0.4343524387298421,
        0.2191737032961223},
       {-0.1409342876953824, 0.09000427372624963, 0.01234687528328791, 0.1005713184484307}},
      {40.0,
       {-0.9536082926153313, 0.6230627703079805, -0.5297089062649201, -0.3849023250317106,
        -0.008695335902757867, 0.432131635958238, 0.5206339943199556, -0.3809017411662291, 0.988750565759608,
        0.6565843275617226},
       {-0.7054552486744865, 0.1375585721979874, -0.2550685129305544, 0.03475485665289307}}};
  const TrainingOptions options{.rate = 0.8, .ridge = 0.05};
  const auto eigen = by_eigen(a, y, 4, {}, options);
  const auto krylov = by_krylov(a, y, 4, {}, {3.0, 40.0}, {.training = options});
  for (const TrainingPath* path : std::initializer_list<const TrainingPath*>{eigen.get(), krylov.get()})
    for (const Golden& g : golden) {
      const Matrix<double> outputs = path->outputs(g.t);
      const Matrix<double> alpha = path->coefficients(g.t);
      for (Index k = 0; k < 2; ++k) {
        for (Index i = 0; i < n; ++i)
          EXPECT_NEAR(outputs(i, k) + options.ridge * alpha(i, k),
                      g.train[static_cast<std::size_t>(2 * i + k)], 1e-10)
              << g.t;
        for (Index t = 0; t < 2; ++t) {
          double test = 0;
          for (Index j = 0; j < n; ++j) test += cross(t, j) * alpha(j, k);
          EXPECT_NEAR(test, g.test[static_cast<std::size_t>(2 * t + k)], 1e-10) << g.t;
        }
      }
    }
  EXPECT_NEAR(by_eigen(a, y, 4, {}, {})->largest_stable_rate(), 3.339363162253465, 1e-10);
}

TEST(EarlyStopping, FindsTheLeastBetweenTheTimesGiven) {
  const auto loss = [](double t) { return std::pow(std::log(std::max(t, 1e-9)) - std::log(40.0), 2); };
  const std::vector<double> times{0, 1, 10, 100, forever};
  const BestTime flow = best_time(times, Descent::flow, loss);
  EXPECT_NEAR(flow.time, 40, 1e-2);
  EXPECT_LT(flow.loss, 1e-9);
  EXPECT_EQ(best_time(times, Descent::steps, loss).time, 40);
  const std::vector<double> one{100};
  EXPECT_EQ(best_time(one, Descent::flow, loss).time, 100) << "there are no neighbours";
  const std::vector<double> early{0, 100};
  EXPECT_NEAR(best_time(early, Descent::flow, loss).time, 40, 1e-2) << "from zero on";
  const std::vector<double> late{1, 10, forever};
  EXPECT_NEAR(best_time(late, Descent::flow, loss).time, 40, 1e-2) << "infinity is far away";
}

TEST(EarlyStopping, NeverLosesTheBestOfTheTimesGiven) {
  const auto falls = [](double t) { return 1 / (1 + t); };
  const std::vector<double> times{0, 1, 10, forever};
  EXPECT_EQ(best_time(times, Descent::flow, falls).time, forever);
  EXPECT_EQ(best_time(times, Descent::flow, [](double) { return 1.0; }).time, 0) << "the earliest";
  const auto levels_out = [](double t) { return t < 1 ? 2.0 : 1.0 + 1e-9 * std::sin(100 * t); };
  EXPECT_EQ(best_time(times, Descent::flow, levels_out).time, 1) << "rounding decides nothing";
  const auto ragged = [](double t) { return t == 10 ? 0.0 : 1.0 + std::sin(100 * t); };
  EXPECT_EQ(best_time(times, Descent::flow, ragged).time, 10);
}

}  // namespace
}  // namespace widegram::solvers
