// Gaussian-process answers of the main job against dense LAPACK: variances by every way to solve, the
// predictive density, and the evidence.

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>

#include "io/hdf5.hpp"
#include "io/inspect.hpp"
#include "io/model.hpp"
#include "io/verify.hpp"
#include "jobs/gram_plan.hpp"
#include "jobs/report.hpp"
#include "tests/jobs/pipeline_fixture.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::jobs {
namespace {

using solvers::largest_of;
using test::everything;

constexpr Parts prediction{.predict = true};

/// A Gram file as it lies there.
struct StoredGram {
  Matrix<double> train;
  Matrix<double> cross;  ///< train x test
  std::vector<double> prior;
};

class VarianceTest : public test::PipelineFixture {
 protected:
  static constexpr Index n = 130;
  static constexpr Index m = 37;
  /// Small enough for dense references on every rank.
  Job job(const std::string& folder, std::vector<std::string> settings = {}) const {
    settings.insert(settings.begin(), {"data.train=digits:train[:130]", "data.test=digits:test[:37]"});
    return PipelineFixture::job(folder, std::move(settings));
  }
  Job nngp(const std::string& folder, std::vector<std::string> settings = {}) const {
    settings.insert(settings.begin(), {"kernel.function=nngp", "predict.variance=true"});
    return job(folder, std::move(settings));
  }
  Job ntk(const std::string& folder, std::vector<std::string> settings = {}) const {
    settings.insert(settings.begin(), {"kernel.both=true", "predict.variance=true"});
    return job(folder, std::move(settings));
  }

  std::vector<double> values(const std::string& folder, const std::string& name,
                             const std::string& dataset) const {
    const hdf5::File stored = hdf5::File::open(file(folder, name));
    return hdf5::Dataset(stored, dataset).read_all<double>();
  }
  std::vector<double> variance(const std::string& folder) const {
    return values(folder, "predictions.h5", "/variance");
  }
  double attribute(const std::string& folder, const std::string& name, const std::string& object,
                   const std::string& key) const {
    const hdf5::File stored = hdf5::File::open(file(folder, name));
    return hdf5::read_attribute<double>(stored, object, key);
  }
  double ridge(const std::string& folder) const {
    return attribute(folder, "model.h5", "/ridge", "absolute");
  }

  Matrix<double> train_gram(const std::string& folder, const std::string& name = "gram.h5") const {
    const std::vector<double> train = values(folder, name, "/train");
    const auto n = static_cast<Index>(std::lround(std::sqrt(static_cast<double>(train.size()))));
    return solvers::filled(n, n, [&](GlobalIndex i, GlobalIndex j) {
      return train[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))];
    });
  }
  StoredGram gram(const std::string& folder, const std::string& name = "gram.h5") const {
    StoredGram gram{
        .train = train_gram(folder, name), .cross = {}, .prior = values(folder, name, "/test_diagonal")};
    const auto m = static_cast<Index>(gram.prior.size());
    const std::vector<double> cross = values(folder, name, "/test_train");
    const Index n = gram.train.rows();
    gram.cross = solvers::filled(
        n, m, [&](GlobalIndex i, GlobalIndex t) { return cross[static_cast<std::size_t>(t * n + i)]; });
    return gram;
  }

  static std::vector<double> dense_posterior(const StoredGram& gram, double ridge) {
    const Matrix<double> solved = solvers::lapack_solve(gram.train, ridge, gram.cross);
    std::vector<double> variance = gram.prior;
    for (Index t = 0; t < solved.cols(); ++t)
      for (Index i = 0; i < solved.rows(); ++i)
        variance[static_cast<std::size_t>(t)] -= solved(i, t) * gram.cross(i, t);
    return variance;
  }

  static std::vector<double> dense_ensemble(const StoredGram& ntk, const StoredGram& nngp, double ridge) {
    const Matrix<double> w = solvers::lapack_solve(ntk.train, ridge, ntk.cross);
    std::vector<double> variance = nngp.prior;
    for (Index t = 0; t < w.cols(); ++t)
      for (Index i = 0; i < w.rows(); ++i) {
        double image = 0;
        for (Index j = 0; j < w.rows(); ++j) image += nngp.train(i, j) * w(j, t);
        variance[static_cast<std::size_t>(t)] += w(i, t) * (image - 2.0 * nngp.cross(i, t));
      }
    return variance;
  }

  /// Log-determinant and evidence from all eigenvalues.
  struct DenseEvidence {
    double log_determinant = 0;
    double log_evidence = 0;
  };
  DenseEvidence dense_evidence(const std::string& folder) const {
    const Matrix<double> train = train_gram(folder);
    const double s = ridge(folder);
    const io::Model model = io::read_model(mpi::Communicator::self(), file(folder, "model.h5"));
    DenseEvidence found;
    for (const double value : solvers::dense_eigen(train).values)
      found.log_determinant += std::log(value + s);
    // The targets are (K + ridge I) alpha.
    const auto n = train.rows();
    double fit = 0;
    for (Index k = 0; k < model.alpha.cols(); ++k)
      for (Index i = 0; i < n; ++i) {
        double target = s * model.alpha(i, k);
        for (Index j = 0; j < n; ++j) target += train(i, j) * model.alpha(j, k);
        fit += model.alpha(i, k) * target;
      }
    found.log_evidence =
        -0.5 * (fit + static_cast<double>(model.alpha.cols()) *
                          (found.log_determinant + static_cast<double>(n) * std::log(2 * std::numbers::pi)));
    return found;
  }

  /// Values of a smooth function in one dimension, as csv files.
  void write_curve(const std::string& name, int first, int count) const {
    mpi::on_root(comm_, [&] {
      std::ofstream csv(scratch_ / name);
      csv.precision(17);
      csv << "a,b,value\n";
      for (int i = first; i < first + count; ++i)
        csv << std::cos(0.11 * i) << ',' << std::sin(0.11 * i) << ',' << std::sin(0.33 * i) + 0.2 << '\n';
    });
  }
};

TEST_F(VarianceTest, EveryWayToSolveGivesLapacksPosterior) {
  const std::vector<std::vector<std::string>> ways{
      {},
      {"solve.method=cg"},
      {"solve.method=cg", "solve.preconditioner=nystrom", "solve.preconditioner_rank=40"},
      {"gram.mode=out-of-core", "solve.preconditioner=rpcholesky", "solve.preconditioner_rank=40"},
      {"solve.precision=mixed"}};
  for (const char* precision : {"float64", "float32"})
    for (std::size_t k = 0; k < ways.size(); ++k) {
      std::vector<std::string> settings = ways[k];
      settings.push_back(std::string("kernel.precision=") + precision);
      const std::string folder = precision + std::to_string(k);
      const auto metrics = run(nngp(folder, settings));
      const std::vector<double> found = variance(folder);
      EXPECT_LT(largest_of(found, dense_posterior(gram(folder), ridge(folder))), 1e-9) << folder;
      EXPECT_EQ(attribute(folder, "predictions.h5", "/variance", "noise"), ridge(folder));
      EXPECT_EQ(metrics.at("predict").at("variance").at("kind"), "posterior");
      EXPECT_EQ(metrics.at("predict").at("variance").at("method"), k >= 1 && k <= 3 ? "cg" : "cholesky");
      if (k == 4) {
        EXPECT_EQ(metrics.at("solve").at("precision"), "float64");
      }
    }
}

TEST_F(VarianceTest, AGramThatIsKeptNowhereHasTheSameVariances) {
  run(nngp("stored", {"kernel.precision=float64"}));
  run(nngp("nowhere", {"kernel.precision=float64", "gram.mode=recompute"}));
  EXPECT_FALSE(std::filesystem::exists(file("nowhere", "gram.h5")));
  EXPECT_LT(largest_of(variance("nowhere"), variance("stored")), 1e-9);
}

TEST_F(VarianceTest, PredictAloneGivesTheVariancesOfRun) {
  for (const char* way : {"solve.method=cholesky", "solve.method=cg", "gram.mode=out-of-core"}) {
    const std::vector<std::string> settings{way, "solve.precision=float64"};
    run(nngp(way, settings));
    const std::vector<double> first = variance(way);
    comm_.barrier();
    mpi::on_root(comm_, [&] { std::filesystem::remove(file(way, "predictions.h5")); });
    const auto metrics = run(nngp(way, settings), prediction);
    EXPECT_LT(largest_of(variance(way), first), 1e-12) << way;
    EXPECT_EQ(metrics.at("gram").at("reused_entries"), n * (n + 1) / 2);
    EXPECT_EQ(metrics.at("test_block").at("reused_entries"), n * m);
    EXPECT_TRUE(metrics.at("test").contains("nlpd"));
  }
  // Noise is the ridge that the model was fitted with, whatever the job has now.
  run(nngp("solve.method=cg", {"solve.method=cg", "solve.ridge=0.5"}), prediction);
  EXPECT_LT(largest_of(variance("solve.method=cg"), variance("solve.method=cholesky")), 1e-9);
}

TEST_F(VarianceTest, ATestSetOfItsOwnIsNotKeptAndNeedNotBe) {
  run(nngp("other"));
  const auto metrics = run(nngp("other", {"data.test=digits:test[40:90]"}), prediction);
  EXPECT_EQ(metrics.at("test_block").at("reused_entries"), 0);
  run(nngp("fresh", {"data.test=digits:test[40:90]"}));
  EXPECT_LT(largest_of(variance("other"), variance("fresh")), 1e-12);
}

TEST_F(VarianceTest, ManyTestSamplesGoInStretches) {
  const std::vector<std::string> many{"data.train=digits:test[:90]", "data.test=digits:train[:1100]",
                                      "kernel.precision=float64"};
  const auto metrics = run(nngp("many", many));
  EXPECT_EQ(metrics.at("test_block").at("entries"), 90 * 1100);
  EXPECT_LT(largest_of(variance("many"), dense_posterior(gram("many"), ridge("many"))), 1e-9);
  const auto again = run(nngp("many", many));
  EXPECT_EQ(again.at("test_block").at("reused_entries"), 90 * 1100);
  std::vector<std::string> plain = many;
  plain.push_back("predict.variance=false");
  run(nngp("plain", plain));
  if (comm_.is_root()) {
    EXPECT_EQ(entries<double>("many"), entries<double>("plain"));
  }
  EXPECT_LT(largest_of(values("many", "predictions.h5", "/mean"), values("plain", "predictions.h5", "/mean")),
            1e-10);
  std::vector<std::string> by_cg = many;
  by_cg.push_back("solve.method=cg");
  run(nngp("many_cg", by_cg));
  EXPECT_LT(largest_of(variance("many_cg"), variance("many")), 1e-9);
}

TEST_F(VarianceTest, TheEnsembleOfNetworksHasItsDenseVariance) {
  for (const char* way : {"solve.method=cholesky", "solve.method=cg", "gram.mode=out-of-core"}) {
    const std::vector<std::string> settings{way, "kernel.precision=float64", "solve.tolerance=1e-12"};
    const auto metrics = run(ntk(way, settings));
    const std::vector<double> expected = dense_ensemble(gram(way), gram(way, "gram-nngp.h5"), ridge(way));
    EXPECT_LT(largest_of(variance(way), expected), 1e-9) << way;
    EXPECT_EQ(metrics.at("predict").at("variance").at("kind"), "ensemble");
    EXPECT_TRUE(metrics.at("test").contains("nlpd"));
    run(ntk(way, settings), prediction);
    EXPECT_LT(largest_of(variance(way), expected), 1e-9) << way << ", alone";
  }
  // Another test set: no file takes either block.
  run(ntk("solve.method=cholesky", {"kernel.precision=float64", "data.test=digits:test[40:90]"}), prediction);
  run(ntk("fresh", {"kernel.precision=float64", "data.test=digits:test[40:90]"}));
  EXPECT_LT(largest_of(variance("solve.method=cholesky"), variance("fresh")), 1e-12);
}

TEST_F(VarianceTest, OneTestSampleAndOneOutput) {
  write_curve("train.csv", 0, 40);
  write_curve("test.csv", 17, 2);
  for (const char* test : {"test.csv", "test.csv[:1]"})
    for (const char* mode : {"stored", "out-of-core", "recompute"}) {
      const std::string folder = std::string(test) + mode;
      const auto metrics = run(nngp(
          folder, {"data.train=" + (scratch_ / "train.csv"), "data.test=" + (scratch_ / test),
                   "kernel.precision=float64", std::string("gram.mode=") + mode, "solve.evidence=true"}));
      const std::vector<double> found = variance(folder);
      ASSERT_EQ(found.size(), test == std::string("test.csv") ? 2U : 1U);
      for (const double v : found) {
        EXPECT_GT(v, 0) << folder;
        EXPECT_LT(v, 1e-3) << "repeats a training sample";
      }
      EXPECT_TRUE(metrics.at("test").contains("nlpd"));
      EXPECT_TRUE(metrics.at("solve").contains("log_evidence"));
    }
}

TEST_F(VarianceTest, ARepeatedSampleWithoutARidgeHasNoVarianceLeft) {
  write_curve("train.csv", 0, 12);
  const std::vector<std::string> settings{"data.train=" + (scratch_ / "train.csv"),
                                          "data.test=" + (scratch_ / "train.csv[:5]"),
                                          "kernel.precision=float64", "solve.ridge=0"};
  const auto metrics = run(nngp("repeated", settings));
  for (const double v : variance("repeated")) {
    EXPECT_GE(v, 0);
    EXPECT_LT(v, 1e-8);
  }
  EXPECT_TRUE(metrics.at("test").contains("rmse")) << "whether the density exists is rounding's word";
}

TEST_F(VarianceTest, ThePredictiveDensityIsTheNormals) {
  const auto metrics = run(nngp("density"));
  const std::vector<double> mean = values("density", "predictions.h5", "/mean");
  const hdf5::File stored = hdf5::File::open(file("density", "predictions.h5"));
  const auto classes = hdf5::Dataset(stored, "/target").read_all<std::int64_t>();
  const std::vector<double> latent = variance("density");
  double sum = 0;
  for (std::size_t i = 0; i < classes.size(); ++i)
    for (std::size_t k = 0; k < 10; ++k) {
      const double v = latent[i] + ridge("density");
      const double target = (static_cast<std::size_t>(classes[i]) == k ? 1.0 : 0.0) - 0.1;
      sum += 0.5 * (std::log(2 * std::numbers::pi * v) + std::pow(target - mean[10 * i + k], 2) / v);
    }
  EXPECT_NEAR(metrics.at("test").at("nlpd").get<double>(), sum / (10.0 * static_cast<double>(classes.size())),
              1e-9);
  EXPECT_NE(report({job("density").output}).text.find(", nlpd "), std::string::npos);
  EXPECT_FALSE(run(nngp("one_hot", {"data.encoding=one-hot"})).at("test").contains("nlpd"));
  EXPECT_FALSE(run(job("none", {"kernel.function=nngp"})).at("test").contains("nlpd"));
}

TEST_F(VarianceTest, TheEvidenceOfAFactorIsExact) {
  for (const char* way : {"solve.precision=float64", "solve.precision=mixed"}) {
    const auto metrics = run(job(way, {way, "solve.evidence=true", "kernel.function=nngp"}), {.solve = true});
    const DenseEvidence dense = dense_evidence(way);
    const auto& solve = metrics.at("solve");
    EXPECT_NEAR(solve.at("log_determinant").get<double>(), dense.log_determinant,
                1e-10 * std::abs(dense.log_determinant));
    EXPECT_NEAR(solve.at("log_evidence").get<double>(), dense.log_evidence,
                1e-10 * std::abs(dense.log_evidence));
    EXPECT_EQ(attribute(way, "model.h5", "/", "log_evidence"), solve.at("log_evidence").get<double>());
    EXPECT_EQ(attribute(way, "model.h5", "/", "log_determinant"), solve.at("log_determinant").get<double>());
    EXPECT_FALSE(solve.contains("log_evidence_error"));
  }
  // Without being asked for it costs a factor nothing, and conjugate gradients or a float32 factor too much.
  EXPECT_TRUE(run(job("always"), {.solve = true}).at("solve").contains("log_evidence"));
  for (const char* way : {"solve.method=cg", "solve.precision=mixed"})
    EXPECT_FALSE(run(job("asked", {way}), {.solve = true}).at("solve").contains("log_evidence")) << way;
}

TEST_F(VarianceTest, TheEvidenceOfConjugateGradientsIsWithinItsError) {
  for (const char* way : {"solve.method=cg", "gram.mode=out-of-core", "gram.mode=recompute"}) {
    run(job("exact", {"kernel.precision=float64"}), {.solve = true});
    const auto metrics =
        run(job(way, {way, "solve.evidence=true", "kernel.precision=float64", "solve.tolerance=1e-10"}),
            {.solve = true});
    const auto& solve = metrics.at("solve");
    const double error = solve.at("log_evidence_error").get<double>();
    EXPECT_GT(error, 0);
    EXPECT_NEAR(error, 5 * solve.at("log_determinant_error").get<double>(), 1e-9 * error);
    EXPECT_NEAR(solve.at("log_evidence").get<double>(), attribute("exact", "model.h5", "/", "log_evidence"),
                3 * error);
    EXPECT_EQ(attribute(way, "model.h5", "/", "log_evidence_error"), error);
    EXPECT_EQ(solve.at("evidence_probes"), 16);
    EXPECT_GT(solve.at("evidence_steps"), 4);
  }
}

TEST_F(VarianceTest, FilesSayWhatTheyHold) {
  run(nngp("files"));
  EXPECT_TRUE(io::verify(comm_, file("files", "predictions.h5")).good());
  const std::string text = io::inspect(file("files", "predictions.h5")).text();
  EXPECT_NE(text.find("/variance            37 float64"), std::string::npos) << text;
  EXPECT_NE(text.find("posterior"), std::string::npos) << text;
  EXPECT_NE(io::inspect(file("files", "model.h5")).text().find("log_evidence"), std::string::npos);
}

TEST_F(VarianceTest, WhatDoesNotGoTogetherIsRefusedBeforeAnythingIsComputed) {
  for (const auto& settings : {std::vector<std::string>{"predict.variance=true"},
                               {"predict.variance=true", "gram.mode=recompute"}}) {
    const std::string error = error_of(job("refused", settings), ExitCode::usage);
    EXPECT_NE(error.find("kernel.both = true"), std::string::npos) << error;
    EXPECT_NE(error.find("kernel.function = \"nngp\""), std::string::npos) << error;
  }
  EXPECT_FALSE(std::filesystem::exists(file("refused", "gram.h5")));
  // Parts that predict nothing are free of it.
  run(job("refused", {"predict.variance=true"}), {.solve = true});
}

TEST_F(VarianceTest, ThePlanCountsWhatVariancesAndEvidenceHold) {
  const JobOutline outline{.shape = {}, .train_samples = 20000, .test_samples = 3000};
  const gram::Layout layout = gram::choose_layout(20000, 64, dist::GridShape::square(4));
  const auto vectors = [&](const Job& job) {
    const gram::SolverBytes bytes = solver_bytes(job, everything, outline);
    return bytes.vectors ? bytes.vectors(layout) : 0.0;
  };
  EXPECT_EQ(vectors(job("plan")), 0);
  const double by_factor = vectors(nngp("plan"));
  EXPECT_GE(by_factor, 2 * 512 * 20000 / 4 * 8.0);
  EXPECT_LT(by_factor, 3 * 1024 * 20000 / 4 * 8.0);
  EXPECT_GT(vectors(nngp("plan", {"solve.method=cg"})), by_factor);
  EXPECT_GT(vectors(nngp("plan", {"gram.mode=out-of-core"})), vectors(nngp("plan", {"solve.method=cg"})));
  EXPECT_GT(vectors(ntk("plan")), by_factor);
  EXPECT_GE(vectors(job("plan", {"gram.mode=out-of-core", "solve.evidence=true"})),
            16 * 102 * 20000 / 4 * 8.0);
  EXPECT_EQ(vectors(job("plan", {"solve.evidence=true"})), 0);
  const Job mixed = nngp("plan", {"solve.precision=mixed"});
  EXPECT_EQ(solver_bytes(mixed, everything, outline).matrix_entry, 8) << "factored in double";
  EXPECT_EQ(solver_bytes(nngp("plan"), prediction, outline).matrix_entry, 8);
  EXPECT_EQ(solver_bytes(job("plan"), prediction, outline).matrix_entry, 0);
}

}  // namespace
}  // namespace widegram::jobs
