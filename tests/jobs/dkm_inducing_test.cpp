#include <algorithm>
#include <cmath>

#include "io/inducing_file.hpp"
#include "io/verify.hpp"
#include "tests/jobs/dkm_fixture.hpp"
#include "tests/support/messages.hpp"
#include "tests/support/tao_gradient.hpp"

namespace widegram::jobs::test {
namespace {

using widegram::test::expect_part;
using widegram::test::usage_message;

/// Sparse and convolutional deep kernel machines on a few digits.
class DkmInducing : public DkmFixture {
 protected:
  Job sparse(const std::string& folder, std::vector<std::string> settings = {}) const {
    return digits_job(
        folder, 200, 80,
        "data.preprocess = ['standardize']\n"
        "[dkm]\nkind = 'sparse'\ndepth = 1\ninducing = 25\nrate = 0.03\nepochs = 8\nbatch = 25\n",
        std::move(settings));
  }
  /// By TAO: nothing of Adam's.
  Job full_batch(const std::string& folder, std::vector<std::string> settings = {}) const {
    return digits_job(
        folder, 200, 80,
        "data.preprocess = ['standardize']\n"
        "[dkm]\nkind = 'sparse'\noptimizer = 'bqnls'\ndepth = 1\ninducing = 20\nmax_iterations = 30\n",
        std::move(settings));
  }
  Job convolutional(const std::string& folder, std::vector<std::string> settings = {}) const {
    return digits_job(
        folder, 200, 80,
        "[dkm]\nkind = 'convolutional'\nlikelihood = 'categorical'\nsamples = 50\nnu = 0.01\nrate = 0.05\n"
        "epochs = 5\nbatch = 20\nschedule = [4]\nvalidation = 0.1\nzca = 0.1\ncrop = 1\nlayers = [\n"
        "  { op = 'input', inducing = 12 }, { op = 'relu' }, { op = 'conv', inducing = 12, stride = 2 },\n"
        "  { op = 'gram' }, { op = 'norm' }, { op = 'arccos' }, { op = 'global_avgpool' }, { op = 'norm' } "
        "]\n",
        std::move(settings));
  }
  io::InducingModel model(const std::string& folder) const {
    return io::read_inducing_model(comm_, file(folder, "dkm.h5")).value();
  }
  /// A run that has so many seconds: the message with which it stops, empty where it ends.
  std::string stopped(const Job& job, double seconds) const {
    try {
      train(job, {comm_, {.walltime = seconds}});
    } catch (const mpi::CollectiveError& error) {
      EXPECT_EQ(error.code(), ExitCode::stopped) << error.what();
      return error.what();
    }
    return "";
  }
};

void expect_near(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << i;
}

TEST_F(DkmInducing, SparseWithAGaussianLikelihood) {
  const nlohmann::json metrics =
      train(sparse("a", {"dkm.learn_noise=true", "dkm.validation=0.2", "dkm.epochs=20"}));
  const nlohmann::json& dkm = metrics["dkm"];
  EXPECT_EQ(dkm["kind"], "sparse");
  EXPECT_EQ(dkm["iterations"], 20 * 7);
  ASSERT_EQ(dkm["curve"].size(), 20u);
  EXPECT_GT(dkm["curve"][19]["objective"], dkm["curve"][0]["objective"]);
  EXPECT_LT(dkm["curve"][19]["validation"]["mean_square_error"],
            dkm["curve"][0]["validation"]["mean_square_error"]);
  EXPECT_GT(dkm["seconds_per_iteration"], 0.0);
  EXPECT_NE(dkm["noise"], 0.1);
  EXPECT_GT(metrics["test"]["accuracy"], 0.8);
  EXPECT_GT(metrics["train"]["accuracy"], 0.85);
  EXPECT_TRUE(metrics["test"]["nlpd"].is_number());

  const io::InducingModel trained = model("a");
  EXPECT_EQ(trained.epochs, 20);
  EXPECT_EQ(std::ssize(trained.parameters), dkm["parameters"].get<Index>());
  EXPECT_EQ(trained.curve.size(), 20u * 8u);
  const std::vector<double> gram = values("a", "dkm.h5", "/gram/1");
  ASSERT_EQ(gram.size(), 25u * 25u);
  for (const std::size_t i : {0u, 7u, 24u}) {
    EXPECT_GT(gram[25 * i + i], 0.0);
    EXPECT_EQ(gram[25 * i + 3], gram[25 * 3 + i]);
  }
  for (const double v : values("a", "predictions.h5", "/variance")) EXPECT_GT(v, 0.0);
  EXPECT_EQ(io::inspect(file("a", "dkm.h5")).kind, "dkm");
  EXPECT_TRUE(io::verify(comm_, file("a", "dkm.h5")).good());
}

TEST_F(DkmInducing, SparseWithACategoricalLikelihood) {
  const nlohmann::json metrics = train(sparse("a", {"dkm.likelihood=categorical", "dkm.samples=100"}));
  EXPECT_GT(metrics["test"]["accuracy"], 0.8);
  EXPECT_LT(metrics["test"]["negative_log_likelihood"], 1.0);
  EXPECT_FALSE(metrics["test"].contains("rmse"));
  EXPECT_GT(metrics["dkm"]["curve"][7]["accuracy"], 0.8);
  const std::vector<double> logs = values("a", "predictions.h5", "/log_probability");
  const std::vector<double> chosen = values("a", "predictions.h5", "/class");
  ASSERT_EQ(logs.size(), 800u);
  for (std::size_t i = 0; i < 80; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < 10; ++k) sum += std::exp(logs[10 * i + k]);
    EXPECT_NEAR(sum, 1.0, 1e-9);
    const auto row = logs.begin() + static_cast<std::ptrdiff_t>(10 * i);
    EXPECT_EQ(std::max_element(row, row + 10) - row, static_cast<std::ptrdiff_t>(chosen[i]));
  }
}

TEST_F(DkmInducing, ConvolutionalOnWhitenedAugmentedImages) {
  const nlohmann::json metrics =
      train(convolutional("a", {"dkm.epochs=40", "dkm.schedule=[30]", "dkm.rate=0.1", "dkm.zca=1.0",
                                "data.preprocess=['standardize']"}));
  EXPECT_EQ(metrics["dkm"]["kind"], "convolutional");
  EXPECT_GT(metrics["test"]["accuracy"], 0.4);
  EXPECT_NEAR(metrics["dkm"]["curve"][39]["rate"].get<double>(), 0.01, 1e-12);
  const io::InducingModel trained = model("a");
  EXPECT_EQ(trained.best_epoch, metrics["dkm"]["best_epoch"].get<Index>());
  EXPECT_EQ(trained.curve.front(), metrics["dkm"]["curve"][0]["epoch"].get<double>())
      << "the first epoch is 1";
  EXPECT_EQ(trained.parameters.size(), trained.last.size());
}

TEST_F(DkmInducing, FullBatchByTao) {
  const nlohmann::json metrics = train(full_batch("a"));
  EXPECT_EQ(metrics["dkm"]["end"], "iterations");
  EXPECT_EQ(metrics["dkm"]["iterations"], 30);
  EXPECT_GT(metrics["test"]["accuracy"], 0.85);
  const std::vector<double> objective = model("a").objective;
  ASSERT_EQ(objective.size(), 31u);
  EXPECT_TRUE(std::is_sorted(objective.begin(), objective.end()));
  EXPECT_EQ(train(full_batch("a"))["dkm"]["reused"], true);
}

/// From the objective of the model to the vectors of the optimiser nothing is lost.
TEST_F(DkmInducing, FullBatchGradientsPassTheTestOfTao) {
  const Job job = full_batch("a", {"data.train=digits:train[:12]", "dkm.inducing=3", "dkm.learn_noise=true",
                                   "dkm.max_iterations=1"});
  const std::vector<double> errors = widegram::test::gradient_errors_by_tao([&] { train(job); });
  for (const double error : errors) EXPECT_LT(error, 1e-5);
  EXPECT_GE(errors.size(), comm_.is_root() ? 2U : 0U);
}

TEST_F(DkmInducing, FullBatchGoesOnWithTheSameSteps) {
  train(full_batch("whole", {"dkm.max_iterations=12"}));
  for (const char* most : {"2", "7", "12"})
    train(full_batch("parts", {std::string("dkm.max_iterations=") + most}));
  EXPECT_EQ(model("parts").objective, model("whole").objective);
  EXPECT_EQ(model("parts").parameters, model("whole").parameters);
}

/// More epochs go on from where fewer ended; nothing is trained twice; best and last are kept.
TEST_F(DkmInducing, GoesOnWithTheSameSteps) {
  train(convolutional("whole"));
  for (const char* epochs : {"1", "3"}) train(convolutional("parts", {std::string("dkm.epochs=") + epochs}));
  const nlohmann::json last = train(convolutional("parts"));
  EXPECT_EQ(last["dkm"]["resumed_iterations"], 3 * 9);
  const io::InducingModel parts = model("parts"), whole = model("whole");
  EXPECT_EQ(parts.last, whole.last);
  EXPECT_EQ(parts.parameters, whole.parameters);
  EXPECT_EQ(parts.objective, whole.objective);
  EXPECT_EQ(train(convolutional("parts", {"dkm.epochs=4"}))["dkm"]["reused"], true);
  EXPECT_EQ(train(convolutional("parts", {"dkm.seed=4"}))["dkm"]["reused"], false);
}

/// A stop in the middle of an epoch leaves a state that the same steps follow from.
TEST_F(DkmInducing, TheBestEpochMayLieBehindAStop) {
  const std::string held = "dkm.validation=0.2";
  train(sparse("whole", {held}));
  train(sparse("parts", {held, "dkm.epochs=2"}));
  train(sparse("parts", {held}));
  ASSERT_GT(model("whole").best_epoch, 2) << "the job is no longer one that gets better";
  EXPECT_EQ(model("parts").best_epoch, model("whole").best_epoch);
  EXPECT_EQ(model("parts").parameters, model("whole").parameters);
}

TEST_F(DkmInducing, GoesOnBehindAStop) {
  const std::vector<std::string> long_run{"dkm.epochs=20", "dkm.samples=400"};
  const Timer timer;
  train(convolutional("whole", long_run));
  const double whole_seconds = comm_.max(timer.seconds());
  const Job job = convolutional("stopped", long_run);
  bool stopped_once = false;
  for (int runs = 1;; ++runs) {
    const std::string message = stopped(job, (0.25 + 0.25 * runs) * whole_seconds);
    if (message.empty()) break;
    stopped_once = stopped_once || message.find("its state is saved") != std::string::npos;
  }
  EXPECT_TRUE(stopped_once);
  EXPECT_EQ(model("stopped").last, model("whole").last);
}

TEST_F(DkmInducing, DoesNotDependOnTheRankCount) {
  train(convolutional("together", {"dkm.epochs=2"}));
  const mpi::Communicator self = mpi::Communicator::self();
  if (comm_.is_root()) train(self, convolutional("alone", {"dkm.epochs=2"}), {});
  comm_.barrier();
  expect_near(model("together").last, model("alone").last, 1e-7);
  const auto logs = [&](const char* folder) { return values(folder, "predictions.h5", "/log_probability"); };
  expect_near(logs("together"), logs("alone"), 1e-6);
}

/// What one rank count has begun another one ends.
TEST_F(DkmInducing, GoesOnOnAnotherRankCount) {
  train(convolutional("whole", {"dkm.epochs=2"}));
  const mpi::Communicator self = mpi::Communicator::self();
  if (comm_.is_root()) train(self, convolutional("parts", {"dkm.epochs=1"}), {});
  comm_.barrier();
  train(convolutional("parts", {"dkm.epochs=2"}));
  expect_near(model("parts").last, model("whole").last, 1e-7);
}

TEST_F(DkmInducing, SinglePrecisionIsClose) {
  train(convolutional("double", {"dkm.epochs=1"}));
  train(convolutional("single", {"dkm.epochs=1", "dkm.precision=float32"}));
  const std::vector<double> a = model("double").objective, b = model("single").objective;
  EXPECT_NEAR(a[0], b[0], 1e-3);
  EXPECT_NE(a[0], b[0]);
}

TEST_F(DkmInducing, EveryVariantTrains) {
  const auto objective = [&](const char* setting) {
    train(convolutional("a", {"dkm.epochs=1", setting}));
    return model("a").objective.at(0);
  };
  const double plain = objective("dkm.clamp=false");
  for (const char* setting : {"dkm.taylor=true", "dkm.stochastic=2.0", "dkm.flip=true"}) {
    const double other = objective(setting);
    EXPECT_TRUE(std::isfinite(other) && other != plain) << setting;
  }
  EXPECT_EQ(objective("dkm.clamp=true"), plain) << "no variance is below zero here";
  const nlohmann::json preset = train(convolutional(
      "b", {"dkm.preset=dkm-resnet20", "dkm.norm={ inducing = 'local', data = 'image' }", "dkm.epochs=1",
            "data.train=digits:train[:20]", "data.test=digits:test[:4]", "dkm.validation=0"}));
  EXPECT_EQ(preset["dkm"]["kernel"], "dkm-resnet20, scale 1, kernel \"arccos\"");
}

TEST_F(DkmInducing, NamesWhatIsWrong) {
  std::string message;
  EXPECT_EQ(code_of(sparse("a", {"dkm.inducing=201"}), &message), ExitCode::usage);
  expect_part(message, "dkm.inducing = 201 is more than the 200 training samples: take fewer");
  EXPECT_EQ(code_of(sparse("a", {"dkm.inducing=200", "dkm.validation=0.1"}), &message), ExitCode::usage);
  expect_part(message, "more than the 180 training samples that are not held out");
  EXPECT_EQ(code_of(sparse("a", {"dkm.jitter=0", "dkm.kernel=linear", "dkm.inducing=80"}), &message),
            ExitCode::numerical);
  expect_part(message, "is not positive definite");
  expect_part(message, "jitter");
  EXPECT_EQ(code_of(sparse("a", {"dkm.rate=1e3"}), &message), ExitCode::numerical);
  expect_part(message, "learning rate");
  // Here every Gram stays positive definite, and the objective falls to -1e21.
  EXPECT_EQ(code_of(sparse("a", {"dkm.likelihood=categorical", "dkm.depth=2", "dkm.inducing=30",
                                 "dkm.batch=32", "dkm.rate=1e9"}),
                    &message),
            ExitCode::numerical);
  expect_part(message, "diverged in epoch 1, batch 2: lower the learning rate");
  EXPECT_EQ(code_of(sparse("a", {"dkm.likelihood=categorical", "data.targets=values"}), &message),
            ExitCode::usage);
  expect_part(message, "needs classes");
  EXPECT_EQ(code_of(sparse("a", {"gram.memory_limit='10KiB'"}), &message), ExitCode::usage);
  expect_part(message, "smaller dkm.batch");
  EXPECT_EQ(code_of(convolutional("a", {"data.augment=flip"}), &message), ExitCode::usage);
  expect_part(message, "dkm.flip");
  EXPECT_EQ(code_of(convolutional("a", {"dkm.layers=[{ op = 'input', inducing = 4 }]"}), &message),
            ExitCode::usage);
  expect_part(message, "a pooling layer is needed");
}

TEST_F(DkmInducing, RefusesKeysThatDoNotGoTogether) {
  const auto refused = [&](std::vector<std::string> settings) {
    return usage_message([&] { sparse("a", std::move(settings)); });
  };
  expect_part(refused({"dkm.tolerance=1e-3"}), "dkm.tolerance belongs to dkm.optimizer = \"bqnls\"");
  expect_part(refused({"dkm.optimizer=bqnls"}), "dkm.epochs belongs to dkm.optimizer = \"adam\"");
  expect_part(refused({"dkm.crop=2"}), "dkm.crop belongs to dkm.kind = \"convolutional\"");
  expect_part(refused({"dkm.likelihood=categorical", "dkm.noise=0.2"}),
              "dkm.noise belongs to dkm.likelihood = \"gaussian\"");
  expect_part(refused({"dkm.samples=10"}), "dkm.samples belongs to dkm.likelihood = \"categorical\"");
  expect_part(refused({"dkm.learn_nu=true"}), "dkm.learn_nu belongs to dkm.kind = \"full\"");
  expect_part(refused({"dkm.noise=0.0"}), "needs noise above 0");
  expect_part(refused({"dkm.schedule=[4, 4]"}), "is not above the one before it");
  const auto refused_images = [&](std::vector<std::string> settings) {
    return usage_message([&] { convolutional("a", std::move(settings)); });
  };
  expect_part(refused_images({"dkm.depth=2"}), "dkm.depth belongs to");
  expect_part(refused_images({"dkm.scale=2"}), "dkm.scale belongs to a dkm.preset");
  expect_part(refused_images({"dkm.kernel=erf"}), "dkm.kernel belongs to a dkm.preset");
  expect_part(refused_images({"dkm.layers=[{ op = 'conv' }]"}), "needs inducing = ...");
  expect_part(refused_images({"dkm.layers=[{ op = 'grm' }]"}), "gram");
  expect_part(refused_images({"dkm.layers=[]"}), "dkm.preset or dkm.layers is missing");
}

TEST_F(DkmInducing, IsWrittenOutAndReadBack) {
  for (const Job& job : {sparse("a"), full_batch("a"), convolutional("a"),
                         convolutional("a", {"dkm.preset=dkm-resnet20", "dkm.norm={ data = 'local' }"})}) {
    const Job again = parse_job(to_toml(job), "again.toml");
    EXPECT_EQ(to_toml(again), to_toml(job));
    EXPECT_EQ(again.dkm.network.size(), job.dkm.network.size());
  }
}

}  // namespace
}  // namespace widegram::jobs::test
