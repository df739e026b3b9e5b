#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "io/hdf5.hpp"
#include "io/inspect.hpp"
#include "io/verify.hpp"
#include "jobs/dynamics_stage.hpp"
#include "jobs/residual_history.hpp"
#include "solvers/hold_out.hpp"
#include "tests/jobs/pipeline_fixture.hpp"
#include "tests/solvers/spectral_support.hpp"

namespace widegram::jobs {
namespace {

constexpr Parts dynamics_alone{.dynamics = true};
constexpr double forever = std::numeric_limits<double>::infinity();
constexpr Index n = 150;
constexpr Index m = 70;
constexpr Index classes = 10;

class DynamicsTest : public test::PipelineFixture {
 protected:
  Job job(const std::string& folder, std::vector<std::string> settings = {}) const {
    settings.push_back("data.train=digits:train[:150]");
    return PipelineFixture::job(folder, std::move(settings));
  }
  io::Dynamics dynamics(const std::string& folder) const {
    return io::read_dynamics(file(folder, "dynamics.h5"));
  }
  std::vector<double> numbers(const std::string& folder, const std::string& name,
                              const std::string& dataset) const {
    return hdf5::Dataset(hdf5::File::open(file(folder, name)), dataset).read_all<double>();
  }
  static Matrix<double> matrix(const std::vector<double>& rows, Index count, Index cols, Index first = 0) {
    return solvers::filled(count, cols, [&](Index i, Index j) {
      return rows[static_cast<std::size_t>((first + i) * cols + j)];
    });
  }
};

double half_mean_square(const Matrix<double>& a, const Matrix<double>& b,
                        const std::vector<GlobalIndex>& rows) {
  double sum = 0;
  for (const GlobalIndex i : rows)
    for (Index k = 0; k < a.cols(); ++k) sum += std::pow(a(i, k) - b(i, k), 2);
  return sum / static_cast<double>(2 * std::ssize(rows) * a.cols());
}

/// The training of the digits' Gram by LAPACK on one rank, one time after the other.
struct Reference {
  Matrix<double> gram;
  Matrix<double> cross;
  Matrix<double> targets;
  solvers::HoldOutSplit split;
  solvers::DenseEigen eigen{};
  double ridge = 0;

  Matrix<double> alpha(double t, double rate, bool flow) const {
    const std::vector<GlobalIndex> columns = solvers::in_order(classes);
    const auto fitted = static_cast<Index>(split.fitted.size());
    const Matrix<double> y = solvers::filled(fitted, classes, [&](Index i, Index k) {
      return targets(split.fitted[static_cast<std::size_t>(i)], k);
    });
    const double pace = rate / static_cast<double>(fitted * classes);
    const Matrix<double> part = solvers::dense_function(
        eigen,
        [&](double x) {
          const double l = x + ridge;
          if (std::isinf(t)) return 1 / l;
          return (1 - (flow ? std::exp(-pace * l * t) : std::pow(1 - pace * l, t))) / l;
        },
        y);
    Matrix<double> whole(n, classes);
    for (Index k = 0; k < classes; ++k)
      for (Index i = 0; i < fitted; ++i) whole(split.fitted[static_cast<std::size_t>(i)], k) = part(i, k);
    return whole;
  }
};

Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> c(a.rows(), b.cols());
  for (Index k = 0; k < b.cols(); ++k)
    for (Index j = 0; j < a.cols(); ++j)
      for (Index i = 0; i < a.rows(); ++i) c(i, k) += a(i, j) * b(j, k);
  return c;
}

TEST_F(DynamicsTest, IsLapacksByBothWaysInEveryMode) {
  const std::string times = "dynamics.times=[0, 1, 30, 1000, inf]";
  run(job("gram"), {.gram = true});
  const std::vector<double> triangle = numbers("gram", "gram.h5", "/train");
  // Targets are those that a fit leaves behind: K alpha + ridge alpha.
  Reference reference{.gram = solvers::filled(
                          n, n,
                          [&](Index i, Index j) {
                            return triangle[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))];
                          }),
                      .cross = matrix(numbers("gram", "gram.h5", "/test_train"), m, n),
                      .targets = Matrix<double>(n, classes),
                      .split = {}};
  run(job("gram"), {.solve = true});
  const Matrix<double> fitted = matrix(numbers("gram", "model.h5", "/alpha"), n, classes);
  reference.targets = product(reference.gram, fitted);
  double mean_diagonal = 0;
  for (Index i = 0; i < n; ++i) mean_diagonal += reference.gram(i, i) / n;
  for (Index k = 0; k < classes; ++k)
    for (Index i = 0; i < n; ++i)
      reference.targets(i, k) =
          std::round(10 * (reference.targets(i, k) + 1e-3 * mean_diagonal * fitted(i, k))) / 10;
  reference.ridge = 1e-3 * mean_diagonal;

  for (const bool held : {true, false}) {
    reference.split =
        held ? solvers::split_random(n, 0.2, 0) : solvers::HoldOutSplit{solvers::in_order(n), {}};
    const std::vector<GlobalIndex>& fit = reference.split.fitted;
    reference.eigen =
        solvers::dense_eigen(solvers::filled(std::ssize(fit), std::ssize(fit), [&](Index i, Index j) {
          return reference.gram(fit[static_cast<std::size_t>(i)], fit[static_cast<std::size_t>(j)]);
        }));
    const double rate =
        static_cast<double>(std::ssize(fit) * classes) / (reference.eigen.values.back() + reference.ridge);
    for (const auto& [mode, method] : {std::pair{"stored", "eigen"}, std::pair{"stored", "krylov"},
                                       std::pair{"out-of-core", "auto"}, std::pair{"recompute", "auto"}})
      for (const char* descent : {"flow", "steps"}) {
        if ((!held || std::string(descent) == "steps") && std::string(mode) != "stored") continue;
        if (!held && std::string(descent) == "steps") continue;
        SCOPED_TRACE(std::string(mode) + " " + method + " " + descent + (held ? " held" : ""));
        const auto metrics =
            run(job("dynamics",
                    {times, "dynamics.ridge=1e-3", std::string("gram.mode=") + mode,
                     std::string("dynamics.method=") + method, std::string("dynamics.descent=") + descent,
                     held ? "dynamics.validation=0.2" : "dynamics.validation=0"}),
                dynamics_alone);
        const io::Dynamics found = dynamics("dynamics");
        EXPECT_EQ(found.method, std::string(method) == "eigen" ? "eigen" : "krylov");
        EXPECT_NEAR(found.rate, rate, 1e-8 * rate);
        const std::vector<double> alphas = numbers("dynamics", "dynamics.h5", "/alpha");
        const std::vector<double> tests = numbers("dynamics", "dynamics.h5", "/test_mean");
        EXPECT_EQ(numbers("dynamics", "dynamics.h5", "/alpha_times"), found.times);
        for (std::size_t i = 0; i < found.times.size(); ++i) {
          const Matrix<double> alpha = reference.alpha(found.times[i], rate, std::string(descent) == "flow");
          const auto at = static_cast<Index>(i);
          EXPECT_LT(solvers::largest_difference(matrix(alphas, n, classes, at * n), alpha), 1e-8);
          EXPECT_LT(
              solvers::largest_difference(matrix(tests, m, classes, at * m), product(reference.cross, alpha)),
              1e-8);
          const Matrix<double> outputs = product(reference.gram, alpha);
          EXPECT_NEAR(found.train.loss[i], half_mean_square(outputs, reference.targets, fit), 1e-8);
          if (held) {
            EXPECT_NEAR(found.validation.loss[i],
                        half_mean_square(outputs, reference.targets, reference.split.held_out), 1e-8);
          }
        }
        EXPECT_EQ(found.best.has_value(), held);
        if (held) {
          EXPECT_LE(found.best->validation_loss,
                    *std::min_element(found.validation.loss.begin(), found.validation.loss.end()) * 1.000001);
          EXPECT_EQ(metrics["dynamics"]["best"]["validation_loss"], found.best->validation_loss);
          EXPECT_LT(std::abs(found.best->test_loss.value() - found.test.loss.back()), 0.01);
        }
        EXPECT_EQ(metrics["dynamics"]["path"].back()["time"], "inf");
        EXPECT_EQ(metrics["dynamics"]["path"].back()["test_accuracy"], found.test.accuracy.back());
      }
  }
}

TEST_F(DynamicsTest, EndsAsTheRegressionDoes) {
  const auto solved = run(job("both", {"solve.ridge=1e-3"}));
  const auto trained = run(job("both", {"dynamics.times=[inf]", "dynamics.ridge=1e-3"}), dynamics_alone);
  EXPECT_EQ(trained["test_block"]["reused_entries"], n * m) << "the block that `run` has kept";
  const auto& last = trained["dynamics"]["path"].back();
  EXPECT_EQ(last["test_accuracy"], solved["test"]["accuracy"]);
  EXPECT_NEAR(std::sqrt(2 * last["test_loss"].get<double>()), solved["test"]["rmse"], 1e-9);
}

/// Mean and variance over networks that start at random, at times of their training, against the formula by
/// LAPACK's eigenvectors.
TEST_F(DynamicsTest, TheEnsembleOfNetworksHasItsDenseVariance) {
  for (const bool held : {false, true})
    for (const std::string function : {"ntk", "nngp"}) {
      SCOPED_TRACE(function + (held ? " held" : ""));
      const std::string folder = "ensemble-" + function;
      const auto metrics =
          run(job(folder, {"kernel.function=" + function, "kernel.both=true", "dynamics.variance=true",
                           "dynamics.times=[0, 1, 30, inf]", "dynamics.ridge=1e-3",
                           held ? "dynamics.validation=0.2" : "dynamics.validation=0"}),
              dynamics_alone);
      const io::Dynamics found = dynamics(folder);
      const std::string sibling = function == "ntk" ? "gram-nngp.h5" : "gram.h5";
      const auto whole = [&](const std::string& name) {
        const std::vector<double> triangle = numbers(folder, name, "/train");
        return solvers::filled(n, n, [&](Index i, Index j) {
          return triangle[static_cast<std::size_t>(std::max(i, j) * n + std::min(i, j))];
        });
      };
      const Matrix<double> gram = whole("gram.h5");
      const Matrix<double> nngp = whole(sibling);
      const Matrix<double> own_rows = matrix(numbers(folder, "gram.h5", "/test_train"), m, n);
      const Matrix<double> nngp_rows = matrix(numbers(folder, sibling, "/test_train"), m, n);
      const std::vector<double> prior = numbers(folder, sibling, "/test_diagonal");
      const std::vector<GlobalIndex> fit =
          held ? solvers::split_random(n, 0.2, 0).fitted : solvers::in_order(n);
      const auto fitted = std::ssize(fit);
      const auto of = [&](Index i) { return fit[static_cast<std::size_t>(i)]; };
      const solvers::DenseEigen eigen = solvers::dense_eigen(
          solvers::filled(fitted, fitted, [&](Index i, Index j) { return gram(of(i), of(j)); }));
      const double pace = found.rate / static_cast<double>(fitted * classes);
      const std::vector<double> variances = numbers(folder, "dynamics.h5", "/test_variance");
      ASSERT_EQ(std::ssize(variances), m * std::ssize(found.times));
      for (std::size_t i = 0; i < found.times.size(); ++i) {
        const double t = found.times[i];
        const Matrix<double> w = solvers::dense_function(
            eigen,
            [&](double x) {
              const double l = x + found.ridge_absolute;
              return std::isinf(t) ? 1 / l : -std::expm1(-pace * l * t) / l;
            },
            solvers::filled(fitted, m, [&](Index k, Index test) { return own_rows(test, of(k)); }));
        double sum = 0;
        for (Index test = 0; test < m; ++test) {
          double expected = prior[static_cast<std::size_t>(test)];
          for (Index k = 0; k < fitted; ++k) {
            double image = 0;
            for (Index j = 0; j < fitted; ++j) image += nngp(of(k), of(j)) * w(j, test);
            expected += w(k, test) * (image - 2 * nngp_rows(test, of(k)));
          }
          const double value = variances[i * static_cast<std::size_t>(m) + static_cast<std::size_t>(test)];
          EXPECT_NEAR(value, expected, 1e-8) << "time " << t << ", test sample " << test;
          sum += value;
        }
        EXPECT_NEAR(metrics["dynamics"]["path"][i]["test_variance_mean"].get<double>(), sum / m, 1e-12);
      }
      const hdf5::File stored = hdf5::File::open(file(folder, "dynamics.h5"));
      EXPECT_EQ(hdf5::exists(stored, "/best_test_variance"), held);
    }
}

TEST_F(DynamicsTest, OneTargetAndNoTestSet) {
  std::ofstream csv;
  if (comm_.is_root()) {
    csv.open(scratch_ / "line.csv");
    csv << "x,y\n";
    for (int i = 0; i < 40; ++i) csv << 0.1 * i << "," << std::sin(0.5 * i) << "\n";
    csv.close();
  }
  comm_.barrier();
  const Job values = parse_job(
      "data.train = '" + (scratch_ / "line.csv") + "'\nkernel.preset = 'dense'\noutput = '" +
          (scratch_ / "line") + "'\n[dynamics]\ntimes = [0, 10, 100]\nvalidation = 0.25\nmethod = 'krylov'\n",
      "line.toml", {});
  run(values, dynamics_alone);
  const io::Dynamics found = dynamics("line");
  EXPECT_EQ(found.held_out, 10);
  EXPECT_TRUE(found.train.accuracy.empty());
  EXPECT_TRUE(found.test.loss.empty());
  EXPECT_FALSE(found.best->test_loss);
  EXPECT_EQ(found.test_hash, 0);
  EXPECT_GT(found.train.loss.front(), found.train.loss.back());
  EXPECT_EQ(numbers("line", "dynamics.h5", "/best_alpha").size(), 40);
  const hdf5::File stored = hdf5::File::open(file("line", "dynamics.h5"));
  EXPECT_FALSE(hdf5::exists(stored, "/test_mean"));
  EXPECT_NE(to_text(found).find("30 samples, 10 more held out,"), std::string::npos) << to_text(found);
}

TEST_F(DynamicsTest, TheFileIsKnownAndVerified) {
  run(job("file"), dynamics_alone);
  expect_known("file", "dynamics.h5", "dynamics");
  EXPECT_THROW(io::read_dynamics(file("file", "gram.h5")), Error);
}

TEST_F(DynamicsTest, AStopKeepsTheGram) {
  run(job("stop"), {.gram = true});
  mpi::on_root(comm_, [&] { std::ofstream(file("stop", "stop")) << ""; });
  const std::string error =
      error_of(job("stop", {"dynamics.method=krylov"}), ExitCode::stopped, dynamics_alone);
  EXPECT_NE(error.find("stopped early"), std::string::npos) << error;
  mpi::on_root(comm_, [&] { std::filesystem::remove(file("stop", "stop")); });
  const auto metrics = run(job("stop", {"dynamics.method=krylov"}), dynamics_alone);
  EXPECT_EQ(metrics["gram"]["reused_entries"], metrics["gram"]["entries"]);
}

TEST_F(DynamicsTest, WhatDoesNotGoTogetherIsRefused) {
  const auto expect_part = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const auto refused = [&](std::vector<std::string> settings, ExitCode code = ExitCode::usage) {
    return error_of(job("refused", std::move(settings)), code, dynamics_alone);
  };
  expect_part(refused({"gram.mode=out-of-core", "dynamics.method=eigen"}), "dynamics.method");
  expect_part(refused({"dynamics.descent=steps", "dynamics.times=[1, 2.5]"}), "2.5 is no number of steps");
  expect_part(refused({"dynamics.variance=true"}), "kernel.both");
  expect_part(refused({"dynamics.variance=true", "data.test="}), "data.test");
  for (const char* setting : {"gram.mode=out-of-core", "dynamics.method=krylov"})
    expect_part(refused({"dynamics.variance=true", "kernel.both=true", setting}), "eigendecomposition");
  for (const char* method : {"dynamics.method=eigen", "dynamics.method=krylov"})
    expect_part(refused({"dynamics.descent=steps", "dynamics.rate=1e6", method}), "are stable");
  expect_part(refused({"dynamics.method=krylov", "dynamics.max_steps=5"}, ExitCode::numerical),
              "has not converged: after 5 steps");
  if (comm_.size() == 1)  // where they do not fit, though the rest does
    expect_part(refused({"dynamics.method=krylov", "gram.memory_limit=600KiB", "dynamics.max_steps=300"}),
                "dynamics.max_steps = 300");
  for (const auto& [setting, part] :
       {std::pair{"dynamics.times=[3, 2]", "dynamics.times[1] = 2.0 is not above the one before it"},
        std::pair{"dynamics.times=[]", "is empty"}, std::pair{"dynamics.times=[nan]", "dynamics.times[0]"},
        std::pair{"dynamics.times=[-1]", "dynamics.times[0]"}, std::pair{"dynamics.rate=0", "dynamics.rate"},
        std::pair{"dynamics.rate=inf", "dynamics.rate"},
        std::pair{"dynamics.validation=1", "dynamics.validation"},
        std::pair{"dynamics.descents=steps", "dynamics.descent"}})
    try {
      job("refused", {setting});
      ADD_FAILURE() << setting;
    } catch (const Error& error) {
      expect_part(error.what(), part);
    }
}

TEST_F(DynamicsTest, ConjugateGradientsLeaveTheirResiduals) {
  const auto metrics = run(job("cg", {"solve.method=cg"}), {.solve = true});
  const auto& list = metrics["solve"]["residuals"];
  ASSERT_EQ(std::ssize(list), metrics["solve"]["iterations"].get<Index>() + 1);
  EXPECT_EQ(list.front(), (nlohmann::json{0, 1.0}));
  EXPECT_EQ(list.back()[0], metrics["solve"]["iterations"]);
  EXPECT_LE(list.back()[1].get<double>(), 1e-8);
}

TEST(ResidualHistory, IsThinnedOutAndKeepsItsEnds) {
  for (const Index count : {0, 1, 999, 1000, 1001, 12345}) {
    ResidualHistory history;
    for (Index i = 0; i < count; ++i) history.add(20 + i, 1.0 / static_cast<double>(i + 1));
    const Json list = history.json();
    EXPECT_LE(list.size(), 1000);
    if (count == 0) {
      EXPECT_TRUE(list.empty());
      continue;
    }
    EXPECT_GE(std::ssize(list), std::min<Index>(count, 499));
    EXPECT_EQ(list.front()[0], 20) << "where a resumed solve goes on";
    EXPECT_EQ(list.back()[0], 19 + count);
    for (std::size_t i = 1; i < list.size(); ++i) EXPECT_GT(list[i][0], list[i - 1][0]);
  }
}

}  // namespace
}  // namespace widegram::jobs
