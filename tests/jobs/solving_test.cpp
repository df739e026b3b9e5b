// The regression of the main job in every way to solve it: the same answer, and what was chosen and why.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/model.hpp"
#include "io/verify.hpp"
#include "jobs/method_choice.hpp"
#include "src/mpi/agree.hpp"
#include "tests/jobs/pipeline_fixture.hpp"

namespace widegram::jobs {
namespace {

using test::everything;
using Solving = test::PipelineFixture;

TEST_F(Solving, DuplicatesWithoutARidgeNameTheMinorAndTheWayOut) {
  mpi::on_root(comm_, [&] {
    std::ofstream csv(scratch_ / "twins.csv");
    csv << "a,b,label\n";
    for (int i = 0; i < 40; ++i) {
      const double angle = 0.15 * (i == 25 ? 7 : i);
      csv << std::cos(angle) << ',' << std::sin(angle) << ',' << i % 2 << '\n';
    }
  });
  const auto twins = [&](const std::string& ridge) {
    return job("twins",
               {"data.train=" + (scratch_ / "twins.csv"), "data.test=", "kernel.precision=float64", ridge});
  };
  const std::string message = error_of(twins("solve.ridge=0"), ExitCode::numerical);
  EXPECT_NE(message.find("order 26"), std::string::npos) << message;
  // The Gram survives, and the ridge that the message names works.
  const std::size_t named = message.find("that is ridge = ");
  ASSERT_NE(named, std::string::npos) << message;
  const auto mended = run(twins("solve.ridge=" + message.substr(named + 16)));
  EXPECT_EQ(mended.at("gram").at("reused_entries"), 40 * 41 / 2);
}

TEST_F(Solving, AGramOfZerosIsCalledSo) {
  mpi::on_root(comm_, [&] {
    std::ofstream csv(scratch_ / "tiny.csv");
    csv << "a,b,label\n";
    for (int i = 0; i < 40; ++i) csv << "1e-170," << i << "e-170," << i % 2 << '\n';
  });
  for (const char* method : {"solve.method=cholesky", "solve.method=cg"}) {
    const std::string message = error_of(job("tiny", {"data.train=" + (scratch_ / "tiny.csv"),
                                                      "data.test=", "kernel.precision=float64", method}),
                                         ExitCode::numerical);
    EXPECT_NE(message.find("the diagonal of the training Gram is zero"), std::string::npos) << message;
  }
}

TEST_F(Solving, ConjugateGradientsAgreeWithCholesky) {
  run(job("direct"));
  const auto cg = run(job("cg", {"solve.method=cg", "solve.tolerance=1e-10"}));
  EXPECT_GT(cg.at("solve").at("iterations"), 1);
  const io::Model direct = io::read_model(comm_, file("direct", "model.h5"));
  const io::Model iterative = io::read_model(comm_, file("cg", "model.h5"));
  double largest = 0;
  double worst = 0;
  for (Index i = 0; i < 300; ++i) {
    largest = std::max(largest, std::abs(direct.alpha(i, 0)));
    worst = std::max(worst, std::abs(direct.alpha(i, 0) - iterative.alpha(i, 0)));
  }
  EXPECT_LT(worst, 1e-6 * largest);
}

TEST_F(Solving, EveryPartOfTheWorkIsAPhase) {
  const auto phases = [&](const std::vector<std::string>& settings, const Parts& parts) {
    std::vector<std::string> names;
    const auto metrics = run(job("phases", settings), parts);
    for (const auto& [name, phase] : metrics.at("phases").items())
      if (name != "reading" && name != "assembly" && name != "writing" && phase.at("seconds") > 0)
        names.push_back(name);
    std::ranges::sort(names);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(phases({}, everything), Names({"factorisation", "predict", "substitution"}));
  EXPECT_EQ(phases({"solve.ridges=[1e-3,1e-2]"}, {.solve = true}),
            Names({"factorisation", "selection", "substitution"}));
  EXPECT_EQ(phases({"solve.method=cg", "solve.evidence=true"}, {.solve = true}),
            Names({"cg", "evidence", "preconditioner"}));
  EXPECT_EQ(phases({}, {.spectrum = true}), Names({"spectrum"}));
  EXPECT_EQ(phases({}, {.dynamics = true}), Names({"dynamics"}));
}

TEST_F(Solving, OutOfCoreGivesTheAnswerOfTheStoredMatrix) {
  const auto stored = run(job("stored"));
  const auto streamed = run(job("streamed", {"gram.mode=out-of-core", "solve.tolerance=1e-10"}));
  if (comm_.is_root()) {
    EXPECT_EQ(entries("streamed"), entries("stored"));
  }
  EXPECT_EQ(streamed.at("solve").at("method"), "cg");
  EXPECT_NEAR(streamed.at("solve").at("ridge_absolute"), stored.at("solve").at("ridge_absolute"), 1e-12);
  EXPECT_GT(streamed.at("out_of_core").at("bytes_read"), 300 * 300 * 4 / 2);
  EXPECT_EQ(streamed.at("test").at("accuracy"), stored.at("test").at("accuracy"));
  const io::Model one = io::read_model(comm_, file("stored", "model.h5"));
  const io::Model two = io::read_model(comm_, file("streamed", "model.h5"));
  double largest = 0;
  double difference = 0;
  for (Index i = 0; i < 300; ++i)
    for (Index k = 0; k < 10; ++k) {
      largest = std::max(largest, std::abs(one.alpha(i, k)));
      difference = std::max(difference, std::abs(one.alpha(i, k) - two.alpha(i, k)));
    }
  EXPECT_LT(difference, 1e-7 * largest);
  // An unfinished or finished file serves both ways.
  const auto again = run(job("stored", {"gram.mode=out-of-core", "solve.preconditioner=rpcholesky",
                                        "solve.preconditioner_rank=50"}));
  EXPECT_EQ(again.at("gram").at("reused_entries"), 300 * 301 / 2);
  EXPECT_EQ(again.at("solve").at("preconditioner").at("rank"), 50);

  const std::string error =
      error_of(job("streamed", {"gram.mode=out-of-core", "solve.method=cholesky"}), ExitCode::usage);
  EXPECT_NE(error.find("needs the Gram in memory"), std::string::npos) << error;
}

TEST_F(Solving, ConjugateGradientsGoOnWhereTheyEnded) {
  const std::vector<std::string> cg{"solve.method=cg", "solve.ridge=1e-6", "solve.preconditioner=none"};
  const auto settings = [&](const std::string& more) {
    std::vector<std::string> all = cg;
    all.push_back(more);
    return all;
  };
  const Index fresh = run(job("fresh", cg)).at("solve").at("iterations");
  EXPECT_GT(fresh, 20);
  const std::string error = error_of(job("state", settings("solve.max_iterations=15")), ExitCode::numerical);
  EXPECT_NE(error.find("max_iterations"), std::string::npos) << error;
  EXPECT_TRUE(std::filesystem::exists(file("state", "solve.h5")));
  EXPECT_TRUE(io::verify(comm_, file("state", "solve.h5")).good());
  comm_.barrier();
  // Another ridge is another problem.
  copy("state", "other", "solve.h5");
  copy("state", "other", "gram.h5");
  EXPECT_EQ(run(job("other", {"solve.method=cg", "solve.ridge=1e-3"})).at("solve").at("resumed_iterations"),
            0);

  const auto resumed = run(job("state", cg));
  EXPECT_EQ(resumed.at("solve").at("resumed_iterations"), 15);
  EXPECT_NEAR(resumed.at("solve").at("iterations").get<double>(), static_cast<double>(fresh),
              3 + 0.1 * static_cast<double>(fresh));
  EXPECT_LT(resumed.at("solve").at("relative_residual"), 1e-8);
  EXPECT_FALSE(std::filesystem::exists(file("state", "solve.h5")));
}

TEST_F(Solving, AGramThatIsKeptNowhereGivesTheSameAnswer) {
  const std::vector<std::string> cg{"solve.method=cg", "solve.tolerance=1e-10"};
  for (const char* more : {"kernel.precision=float32", "data.augment=flip", "kernel.precision=float64"}) {
    std::vector<std::string> settings = cg;
    settings.push_back(more);
    const std::string name = std::string("kept ") + more;
    run(job(name, settings));
    settings.push_back("gram.mode=recompute");
    settings.push_back("solve.preconditioner=nystrom-columns");
    settings.push_back("solve.preconditioner_rank=40");
    const std::string other = std::string("anew ") + more;
    const auto anew = run(job(other, settings));
    EXPECT_FALSE(std::filesystem::exists(file(other, "gram.h5")));
    EXPECT_EQ(anew.at("solve").at("preconditioner").at("rank"), 40);
    EXPECT_LT(anew.at("solve").at("relative_residual"), 1e-10);
    const io::Model one = io::read_model(comm_, file(name, "model.h5"));
    const io::Model two = io::read_model(comm_, file(other, "model.h5"));
    double largest = 0;
    double difference = 0;
    for (Index i = 0; i < one.alpha.rows(); ++i)
      for (Index k = 0; k < 10; ++k) {
        largest = std::max(largest, std::abs(one.alpha(i, k)));
        difference = std::max(difference, std::abs(one.alpha(i, k) - two.alpha(i, k)));
      }
    EXPECT_LT(difference, 1e-7 * largest) << more;
  }
  const std::string error =
      error_of(job("nothing", {"gram.mode=recompute"}), ExitCode::usage, {.gram = true});
  EXPECT_NE(error.find("keeps no Gram"), std::string::npos) << error;
}

TEST_F(Solving, ARidgeIsPickedFromTrainingSamplesAlone) {
  // The fixture's jobs have one ridge, beside which a job file may not have several.
  const auto with_ridges = [&](const std::vector<std::string>& settings,
                               Selection selection = Selection::loo) {
    Job several = job("loo", settings);
    several.solve.ridges = {10.0, 1e-3, 1e-8};
    several.solve.selection = selection;
    return several;
  };
  const auto loo = run(with_ridges({}));
  const nlohmann::json& path = loo.at("solve").at("path");
  ASSERT_EQ(path.size(), 3U);
  EXPECT_EQ(path[1].at("ridge"), 1e-3);
  // The best of the path is what was solved with.
  std::size_t best = 0;
  for (std::size_t k = 1; k < 3; ++k)
    if (path[k].at("loo_mse") < path[best].at("loo_mse")) best = k;
  EXPECT_EQ(loo.at("solve").at("ridge"), path[best].at("ridge"));
  EXPECT_GT(path[best].at("loo_accuracy"), 0.8);
  const hdf5::File model = hdf5::File::open(file("loo", "model.h5"));
  EXPECT_EQ(hdf5::Dataset(model, "/ridge_path").shape(), (std::vector<Index>{3, 5}));
  EXPECT_EQ(hdf5::read_attribute<std::string>(model, "/ridge_path", "selection"), "loo");

  // The test set has no say: another one, the same ridge.
  const auto other = run(with_ridges({"data.test=digits:test[70:140]"}), {.solve = true});
  EXPECT_EQ(other.at("solve").at("path"), path);
  for (const Selection selection : {Selection::holdout, Selection::evidence}) {
    const auto picked = run(with_ridges({}, selection));
    EXPECT_EQ(picked.at("solve").at("selection"), to_string(selection));
    EXPECT_NE(picked.at("solve").at("ridge"), 10.0);
  }
  const std::string error = error_of(with_ridges({"gram.mode=out-of-core"}), ExitCode::usage);
  EXPECT_NE(error.find("solve.ridges needs the Gram in memory"), std::string::npos) << error;
}

TEST_F(Solving, MixedPrecisionGivesTheAnswerOfDouble) {
  run(job("double", {"solve.ridge=1e-3"}));
  const auto mixed = run(job("mixed", {"solve.ridge=1e-3", "solve.precision=mixed"}));
  EXPECT_EQ(mixed.at("solve").at("precision"), "mixed");
  EXPECT_LT(mixed.at("solve").at("relative_residual"), 1e-10);
  const io::Model one = io::read_model(comm_, file("double", "model.h5"));
  const io::Model two = io::read_model(comm_, file("mixed", "model.h5"));
  for (Index i = 0; i < 300; ++i) EXPECT_NEAR(one.alpha(i, 3), two.alpha(i, 3), 1e-8);
  const std::string error =
      error_of(job("mixed", {"solve.precision=mixed", "solve.method=cg"}), ExitCode::usage);
  EXPECT_NE(error.find("is Cholesky's"), std::string::npos) << error;
}

TEST_F(Solving, PredictionsSayWhichRidgeTheyAreOf) {
  run(job("model", {"solve.ridge=1e-3"}));
  const auto predicted = run(job("model", {"solve.ridge=0.5"}), {.predict = true});
  EXPECT_NEAR(predicted.at("model").at("ridge").get<double>(), 1e-3, 1e-12);
}

TEST_F(Solving, TheMethodIsChosenByWhatIsAskedFor) {
  const auto chosen = [&](const std::vector<std::string>& settings) {
    const auto solve = run(job("chosen", settings)).at("solve");
    return solve.at("method").get<std::string>() + ": " + solve.at("method_reason").get<std::string>();
  };
  EXPECT_NE(chosen({}).find("cholesky: "), std::string::npos);
  EXPECT_NE(chosen({}).find("samples are few"), std::string::npos);
  EXPECT_EQ(chosen({"gram.mode=out-of-core"}), "cg: the Gram is not in memory");
  EXPECT_EQ(chosen({"solve.ridges=[1e-3, 1e-2]"}), "cholesky: ridges are scored with factors");
  const auto fixed = run(job("chosen", {"solve.method=cg"})).at("solve");
  EXPECT_FALSE(fixed.contains("method_reason")) << "the job says so itself";
  EXPECT_EQ(fixed.at("preconditioner").at("kind"), "rpcholesky");
  EXPECT_FALSE(run(job("chosen", {"solve.method=cg", "solve.preconditioner=none"}))
                   .at("solve")
                   .contains("preconditioner"));
}

/// What auto does where its hope in conjugate gradients turns out to be vain.
TEST_F(Solving, CholeskyTakesOverFromConjugateGradients) {
  const auto by_factor = run(job("factor", {"solve.ridge=1e-6", "solve.method=cholesky"}));
  Job hopeful = job("hopeful", {"solve.ridge=1e-6", "solve.method=cg", "solve.preconditioner=none"});
  hopeful.solve.budget = 5;
  const auto taken_over = run(hopeful);
  EXPECT_EQ(taken_over.at("solve").at("method"), "cholesky");
  EXPECT_NE(taken_over.at("solve").at("cg_gave_up").get<std::string>().find("after 5 iterations"),
            std::string::npos);
  EXPECT_EQ(taken_over.at("test"), by_factor.at("test"));
  EXPECT_FALSE(std::filesystem::exists(file("hopeful", "solve.h5")));
}

TEST_F(Solving, AStateServesAnotherRankCount) {
  const std::vector<std::string> cg{"solve.method=cg", "solve.ridge=1e-6", "solve.preconditioner=none",
                                    "data.preprocess=[\"standardize\"]"};
  std::vector<std::string> few = cg;
  few.push_back("solve.max_iterations=15");
  error_of(job("ranks", few), ExitCode::numerical);
  // On one rank the mean diagonal, which the ridge is relative to, is summed up in another order.
  if (comm_.is_root()) {
    EXPECT_EQ(run(mpi::Communicator::self(), job("ranks", cg), test::everything)
                  .at("solve")
                  .at("resumed_iterations"),
              15);
  }
}

TEST(MethodChoice, FollowsWhatTheWaysWereMeasuredToTake) {
  const SolveSection solve;
  // A hundred iterations and 1,000 landmarks are worth it below half of the factor's time.
  const MethodChoice worth = faster_method(solve, 20000, {.factor = 40, .product = 0.15});
  EXPECT_EQ(worth.method, Method::cg);
  EXPECT_EQ(worth.budget, static_cast<Index>((40 - 40 * 9 * 0.05 * 0.05) / 0.15))
      << "as long as Cholesky takes";
  EXPECT_NE(to_text(worth, solve, 20000).find("rpcholesky to rank 1000"), std::string::npos)
      << to_text(worth, solve, 20000);
  EXPECT_EQ(faster_method(solve, 20000, {.factor = 40, .product = 0.20}).method, Method::cholesky);
  SolveSection short_of_patience;
  short_of_patience.max_iterations = 30;
  EXPECT_EQ(faster_method(short_of_patience, 20000, {.factor = 40, .product = 0.1}).budget, 30);
}

TEST(MethodChoice, AnAutomaticPreconditionerGrowsWithTheSamples) {
  SolveSection solve;
  EXPECT_EQ(preconditioner_options(solve, 1000).rank, 256);
  EXPECT_EQ(preconditioner_options(solve, 20000).rank, 1000);
  EXPECT_EQ(preconditioner_options(solve, 1000000).rank, 2000);
  EXPECT_EQ(preconditioner_options(solve, 1000).tail, 1.0);
  solve.preconditioner_rank = 40;
  solve.preconditioner = solvers::PreconditionerKind::nystrom;
  EXPECT_EQ(preconditioner_options(solve, 1000).rank, 40);
  EXPECT_EQ(preconditioner_options(solve, 1000).tail, 0.0) << "the job's own rank, whatever is left";
  EXPECT_EQ(preconditioner_options(solve, 1000).kind, solvers::PreconditionerKind::nystrom);
}

}  // namespace
}  // namespace widegram::jobs
