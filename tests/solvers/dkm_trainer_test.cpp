#include <gtest/gtest.h>

#include <limits>
#include <optional>

#include "solvers/dkm/trainer.hpp"
#include "src/mpi/agree.hpp"
#include "tests/dkm/conv_support.hpp"

namespace widegram::dkm::test {
namespace {

/// A regression by a sparse model on vectors.
struct Sparse {
  Problem problem{{4, 1, 1}, 1, 60};
  ModelSpec spec{.network = sparse_network(1, 12, map_spec("arccos")),
                 .shape = {4, 1, 1},
                 .outputs = 1,
                 .noise = 0.1,
                 .learn_noise = true};
  Sparse() {
    for (Index n = 0; n < 60; ++n)
      problem.values(0, n) = std::sin(problem.samples(0, n)) + problem.samples(1, n);
  }
  Samples samples() const { return {.inputs = problem.samples.view(), .values = problem.values.view()}; }
};

/// Classes of small images by a convolutional one.
struct Convolutional {
  Problem problem{{2, 6, 6}, 3, 23};
  ModelSpec spec{.network = {InputLayer{.points = 5}, MapLayer{}, ConvLayer{.points = 5, .stride = 2},
                             GramLayer{}, NormLayer{}, MapLayer{}, PoolLayer{}},
                 .shape = {2, 6, 6},
                 .outputs = 3,
                 .likelihood = Likelihood::categorical,
                 .samples = 50,
                 .nu = 0.1};
  Samples samples() const { return {.inputs = problem.samples.view(), .labels = problem.labels}; }
};

TrainerOptions few() {
  return {.epochs = 3,
          .batch = 8,
          .adam = {.rate = 0.02},
          .drops = {2},
          .validation = 0.2,
          .augmentation = {.crop = 1, .flip = true},
          .seed = 3};
}

template <class Setting>
TrainerState trained(const mpi::Communicator& comm, const Setting& setting, const TrainerOptions& options,
                     const TrainerCalls& calls = {}, const std::optional<Samples>& spread = {}) {
  Model<double> model(setting.spec);
  const Index patch = setting.spec.shape.is_vector() ? 1 : 3;
  const Samples samples = spread.value_or(setting.samples());
  TrainerState state = begin_training(
      model.initial(random_patches(comm, samples, setting.spec.shape, patch, model.patches(), 1).view()));
  train(comm, model, samples, options, state, calls);
  return state;
}

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) ASSERT_NEAR(a[k], b[k], tolerance) << k;
}

TEST(DkmTrainer, LearnsAFunction) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Sparse setting;
  TrainerOptions options{.epochs = 60, .batch = 20, .drops = {40}, .validation = 0.25};
  const TrainerState state = trained(comm, setting, options);
  ASSERT_EQ(state.curve.size(), 60u);
  EXPECT_GT(state.curve.back().objective, state.curve.front().objective + 1);
  EXPECT_LT(state.curve.back().validation.correct, 0.3 * state.curve.front().validation.correct);
  EXPECT_NEAR(state.curve.back().rate, 0.001, 1e-12);
  EXPECT_FALSE(state.best_parameters.empty());
}

TEST(DkmTrainer, DoesNotDependOnTheRankCount) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Convolutional images;
  const TrainerState together = trained(comm, images, few()),
                     alone = trained(mpi::Communicator::self(), images, few());
  expect_near(together.parameters, alone.parameters, 1e-8);
  EXPECT_NEAR(together.curve.back().validation.log_likelihood, alone.curve.back().validation.log_likelihood,
              1e-9);
  Model<double> model(images.spec);
  const Predictions a = predict(comm, model, alone.parameters, images.samples(), 7);
  const Predictions b = predict(mpi::Communicator::self(), model, alone.parameters, images.samples(), 7);
  for (Index k = 0; k < a.log_probabilities.rows() * a.log_probabilities.cols(); ++k)
    EXPECT_NEAR(a.log_probabilities.data()[k], b.log_probabilities.data()[k], 1e-10);
  expect_near(a.variance, b.variance, 1e-10);
}

/// Inputs that lie where a data set has them give what whole ones on every rank do.
TEST(DkmTrainer, FetchesWhatOtherRanksHold) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Convolutional images;
  Samples spread = images.samples();
  spread.held = dist::Partition{.extent = 23, .ranks = comm.size(), .granule = 4};
  spread.inputs = spread.inputs.block({0, spread.inputs.rows}, spread.held->range(comm.rank()));
  EXPECT_EQ(trained(comm, images, few(), {}, spread).parameters, trained(comm, images, few()).parameters);
}

TEST(DkmTrainer, GoesOnWhereItStopped) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Convolutional images;
  const TrainerState whole = trained(comm, images, few());
  Model<double> model(images.spec);
  TrainerState state = begin_training(
      model.initial(random_patches(comm, images.samples(), images.spec.shape, 3, 5, 1).view()));
  Index batches = 0;
  const TrainerCalls calls{.stop = [&] { return ++batches % 2 == 0; }};
  int calls_of_train = 0;
  for (bool done = false; !done; ++calls_of_train) {
    Model<double> fresh(images.spec);
    TrainerState saved = state;
    done = train(comm, fresh, images.samples(), few(), saved, calls);
    state = saved;
  }
  EXPECT_GT(calls_of_train, 2);
  EXPECT_EQ(state.parameters, whole.parameters);
  EXPECT_EQ(state.best_parameters, whole.best_parameters);
  EXPECT_EQ(state.curve.size(), whole.curve.size());
  EXPECT_EQ(state.curve.back().objective, whole.curve.back().objective);
}

TEST(DkmTrainer, FailsOnAllRanksTogether) {
  const mpi::Communicator comm = mpi::Communicator::world();
  Convolutional images;
  images.problem.samples(14, 7) = std::numeric_limits<double>::quiet_NaN();  // one rank's sample
  EXPECT_THROW(trained(comm, images, few()), Error);
  comm.barrier();
}

TEST(DkmTrainer, RefusesWhatCannotBe) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const Sparse setting;
  EXPECT_THROW(trained(comm, setting, {.epochs = 0}), Error);
  EXPECT_THROW(trained(comm, setting, {.validation = 1}), Error);
  EXPECT_THROW(random_patches(comm, setting.samples(), setting.spec.shape, 1, 61, 1), Error);
  EXPECT_THROW(random_patches(comm, Convolutional().samples(), {2, 6, 6}, 7, 3, 1), Error);
}

TEST(DkmTrainer, AugmentsByKey) {
  const SampleShape shape{1, 4, 5};
  const Matrix<double> image = noise(20, 1, 1);
  const auto changed = [&](const Augmentation& by, std::int64_t epoch) {
    std::vector<double> to(image.data(), image.data() + 20);
    augment(shape, by, 9, epoch, 3, to.data());
    return to;
  };
  const std::vector<double> plain(image.data(), image.data() + 20);
  EXPECT_EQ(changed({}, 0), plain);
  bool flipped = false, moved = false;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    EXPECT_EQ(changed({2, true}, epoch), changed({2, true}, epoch));
    const std::vector<double> turned = changed({0, true}, epoch);
    flipped = flipped || (turned[0] == plain[4] && turned[4] == plain[0] && turned[19] == plain[15]);
    moved = moved || changed({2, false}, epoch) != plain;
  }
  EXPECT_TRUE(flipped);
  EXPECT_TRUE(moved);
}

TEST(DkmTrainer, ShufflesEveryEpochAnew) {
  std::vector<std::int64_t> first = shuffled(50, 1, 0);
  EXPECT_NE(first, shuffled(50, 1, 1));
  EXPECT_NE(first, shuffled(50, 2, 0));
  std::sort(first.begin(), first.end());
  for (std::int64_t i = 0; i < 50; ++i) EXPECT_EQ(first[static_cast<std::size_t>(i)], i);
}

TEST(Adam, FirstStepIsTheRate) {
  AdamState state;
  std::vector<double> parameters{1, 2};
  adam_step({}, 0.01, std::vector<double>{3, -0.5}, state, parameters);
  EXPECT_NEAR(parameters[0], 1.01, 1e-9);
  EXPECT_NEAR(parameters[1], 1.99, 1e-9);
}

}  // namespace
}  // namespace widegram::dkm::test
