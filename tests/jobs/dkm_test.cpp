#include <algorithm>
#include <cmath>
#include <utility>

#include "io/dkm_file.hpp"
#include "io/inspect.hpp"
#include "io/predictions.hpp"
#include "io/verify.hpp"
#include "jobs/dkm_plan.hpp"
#include "jobs/job_file.hpp"
#include "tests/jobs/dkm_fixture.hpp"
#include "tests/support/messages.hpp"

namespace widegram::jobs::test {
namespace {

using widegram::test::expect_part;
using widegram::test::usage_message;

/// Full-rank deep kernel machines on a few digits.
class DkmCommand : public DkmFixture {
 protected:
  Job dkm_job(const std::string& folder, std::vector<std::string> settings = {}) const {
    return digits_job(folder, 150, 60,
                      "data.preprocess = ['standardize']\n"
                      "[dkm]\nnu = [5.0, 3.0]\nnoise = 0.1\ntolerance = 3e-3\n",
                      std::move(settings));
  }
  io::DkmModel model(const std::string& folder) const {
    return io::read_dkm(comm_, file(folder, "dkm.h5")).value();
  }
};

TEST_F(DkmCommand, TrainsAndPredicts) {
  const nlohmann::json metrics = train(dkm_job("a"));
  EXPECT_EQ(metrics["command"], "dkm");
  EXPECT_EQ(metrics["dkm"]["end"], "converged");
  EXPECT_GT(metrics["dkm"]["objective"], metrics["dkm"]["nngp_objective"]);
  EXPECT_GT(metrics["dkm"]["iterations"], 3);
  EXPECT_GT(metrics["dkm"]["seconds_per_iteration"], 0.0);
  EXPECT_GT(metrics["dkm"]["scalapack_share"], 0.0);
  EXPECT_GT(metrics["test"]["accuracy"], 0.8);
  EXPECT_GT(metrics["train"]["accuracy"], 0.9);
  EXPECT_GT(metrics["dkm"]["nngp_test"]["accuracy"], 0.8);

  const io::DkmModel trained = model("a");
  EXPECT_EQ(std::ssize(trained.objective), metrics["dkm"]["iterations"].get<Index>() + 1);
  EXPECT_TRUE(std::is_sorted(trained.objective.begin(), trained.objective.end()));
  const std::vector<double> gram = values("a", "dkm.h5", "/gram/2");
  ASSERT_EQ(gram.size(), 150u * 150u);
  for (const std::size_t i : {0u, 7u, 149u})
    for (const std::size_t j : {3u, 148u}) EXPECT_EQ(gram[150 * i + j], gram[150 * j + i]);
  EXPECT_EQ(values("a", "predictions.h5", "/mean").size(), 600u);
  const std::vector<double> variance = values("a", "predictions.h5", "/variance");
  ASSERT_EQ(variance.size(), 60u);
  for (const double v : variance) EXPECT_GT(v, 0.0);
  const auto predictions = hdf5::File::open(file("a", "predictions.h5"));
  EXPECT_EQ(hdf5::read_attribute<std::string>(predictions, "/variance", "kind"), "deep kernel machine");
  EXPECT_EQ(hdf5::read_attribute<double>(predictions, "/variance", "noise"), 0.1);
  EXPECT_TRUE(metrics["test"]["nlpd"].is_number());
  EXPECT_FALSE(std::filesystem::exists(file("a", "dkm-state.h5")));
  EXPECT_EQ(io::inspect(file("a", "dkm.h5")).kind, "dkm");
  const DkmPlan plan = make_dkm_plan(dkm_job("a").dkm, 150, 64, dist::GridShape{1, 1});
  EXPECT_NEAR(static_cast<double>(std::filesystem::file_size(file("a", "dkm.h5"))), plan.file_bytes,
              0.05 * plan.file_bytes);
  EXPECT_TRUE(io::verify(comm_, file("a", "dkm.h5")).good());
}

/// With nu without end the machine is the infinitely wide network, which the run sets beside every other one.
TEST_F(DkmCommand, TheInfinitelyWideNetworkStandsBesideIt) {
  const auto errors = [&](const char* folder, const char* nu) {
    const nlohmann::json metrics = train(dkm_job(folder, {nu}));
    return std::pair<double, double>(metrics["test"]["rmse"], metrics["dkm"]["nngp_test"]["rmse"]);
  };
  const auto [rigid, nngp] = errors("rigid", "dkm.nu=1e9");
  EXPECT_NEAR(rigid, nngp, 1e-7);
  const auto [trained, same_nngp] = errors("trained", "dkm.nu=5.0");
  EXPECT_EQ(same_nngp, nngp);
  EXPECT_GT(std::abs(trained - nngp), 1e-3);
}

TEST_F(DkmCommand, AFinishedMachineOnlyPredicts) {
  const nlohmann::json first = train(dkm_job("a"));
  const std::vector<double> mean = values("a", "predictions.h5", "/mean");
  const nlohmann::json again = train(dkm_job("a", {"dkm.tolerance=1e-2"}));
  EXPECT_EQ(again["dkm"]["reused"], true);
  EXPECT_EQ(again["dkm"]["objective"], first["dkm"]["objective"]);
  EXPECT_EQ(again["test"]["accuracy"], first["test"]["accuracy"]);
  const std::vector<double> mean_again = values("a", "predictions.h5", "/mean");
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(mean_again[i], mean[i], 1e-9);
  EXPECT_EQ(train(dkm_job("a", {"data.test='digits:test[:20]'"}))["dkm"]["reused"], true);
  EXPECT_EQ(values("a", "predictions.h5", "/mean").size(), 200u);
  EXPECT_EQ(train(dkm_job("a", {"dkm.noise=0.2"}))["dkm"]["reused"], false);
}

/// A run that ends after a few iterations leaves a state that a longer one takes exactly the same steps from.
TEST_F(DkmCommand, GoesOnWithTheSameSteps) {
  train(dkm_job("whole"));
  const std::vector<double> whole = model("whole").objective;
  for (const char* most : {"1", "3", "7"}) {
    const std::string setting = std::string("dkm.max_iterations=") + most;
    EXPECT_EQ(train(dkm_job("parts", {setting}))["dkm"]["end"], "iterations");
    EXPECT_EQ(std::to_string(model("parts").iterations()), most);
  }
  // By now it holds as many points as it ever does.
  const DkmPlan plan = make_dkm_plan(dkm_job("parts").dkm, 150, 64, dist::GridShape{1, 1});
  EXPECT_NEAR(static_cast<double>(std::filesystem::file_size(file("parts", "dkm-state.h5"))),
              plan.state_bytes, 0.1 * plan.state_bytes);
  const nlohmann::json last = train(dkm_job("parts"));
  EXPECT_EQ(last["dkm"]["resumed_iterations"], 7);
  EXPECT_EQ(model("parts").objective, whole);
}

TEST_F(DkmCommand, StopsWithItsStateSaved) {
  const Job job = dkm_job("stopped");
  std::string message;
  try {
    train(job, {comm_, {.walltime = 1e-9}});
    ADD_FAILURE() << "it did not stop";
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::stopped);
    message = error.what();
  }
  expect_part(message, "nothing was computed");
}

TEST_F(DkmCommand, NamesWhatIsWrong) {
  std::string message;
  EXPECT_EQ(code_of(dkm_job("a", {"dkm.kernel=linear", "dkm.jitter=0"}), &message), ExitCode::numerical);
  expect_part(message, "K(G_0)");
  expect_part(message, "dkm.jitter");
  EXPECT_EQ(code_of(dkm_job("a", {"gram.memory_limit='1MiB'"}), &message), ExitCode::usage);
  expect_part(message, "ranks");
  expect_part(error_of(dkm_job("a"), ExitCode::usage), "kernel.preset or kernel.layers is missing");
  EXPECT_EQ(code_of(digits_job("a", 20, 5, "kernel.preset = 'dense'\n", {}), &message), ExitCode::usage);
  expect_part(message, "no table [dkm]");
}

TEST_F(DkmCommand, RefusesKeysThatDoNotGoTogether) {
  const auto refused = [&](std::vector<std::string> settings) {
    return usage_message([&] { dkm_job("a", std::move(settings)); });
  };
  expect_part(refused({"dkm.depth=3"}), "has 2 numbers for 3 layers");
  expect_part(refused({"dkm.noise=0", "dkm.learn_noise=true"}), "dkm.learn_noise");
  expect_part(refused({"dkm.kernel=arcos"}), "arccos");
  expect_part(refused({"dkm.likelihood=categorical"}), "needs inducing points");
  expect_part(refused({"dkm.optimizer=adam"}), "needs inducing points");
  expect_part(refused({"dkm.inducing=10"}), "dkm.inducing belongs to dkm.kind = \"sparse\"");
  expect_part(refused({"dkm.nu=0"}), "dkm.nu");
  expect_part(refused({"dkm.nuu=1"}), "nu");
}

TEST_F(DkmCommand, IsWrittenOutAndReadBack) {
  const Job job = dkm_job("a", {"dkm.kernel={op='leaky_relu', slope=0.2}", "dkm.learn_noise=true"});
  const Job again = parse_job(to_toml(job), "again.toml");
  EXPECT_EQ(again.dkm.kernel_toml, job.dkm.kernel_toml);
  EXPECT_EQ(again.dkm.nu, job.dkm.nu);
  EXPECT_TRUE(again.dkm.learn_noise);
  EXPECT_EQ(to_toml(again), to_toml(job));
  EXPECT_EQ(to_toml(PipelineFixture::job("b")).find("[dkm]"), std::string::npos);
}

}  // namespace
}  // namespace widegram::jobs::test
