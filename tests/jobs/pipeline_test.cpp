// The main job from end to end, on any number of ranks: the same bits, nothing computed twice, and errors
// that say what to do.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/gram_store.hpp"
#include "io/model.hpp"
#include "io/verify.hpp"
#include "src/base/matrix.hpp"
#include "src/mpi/agree.hpp"
#include "tests/jobs/pipeline_fixture.hpp"

namespace widegram::jobs {
namespace {

using test::everything;
using Pipeline = test::PipelineFixture;

TEST_F(Pipeline, AnyRankCountGivesTheBitsOfOneRank) {
  const auto together = run(job("together"));
  if (comm_.is_root()) {
    run(mpi::Communicator::self(), job("alone"), everything);
    EXPECT_EQ(entries("together"), entries("alone"));
  }
  EXPECT_GT(together.at("test").at("accuracy"), 0.85);
  EXPECT_GT(together.at("train").at("accuracy"), 0.99);
  EXPECT_LT(together.at("solve").at("relative_residual"), 1e-10);
  EXPECT_EQ(together.at("gram").at("entries"), 300 * 301 / 2);
  EXPECT_EQ(together.at("test_block").at("entries"), 300 * 70);
  EXPECT_EQ(together.at("gram").at("reused_entries"), 0);
}

TEST_F(Pipeline, StepByStepIsTheSameAsAtOnce) {
  run(job("at_once"));
  const Job steps = job("steps");
  run(steps, {.gram = true});
  const auto solved = run(steps, {.solve = true});
  EXPECT_EQ(solved.at("gram").at("reused_entries"), 300 * 301 / 2);
  const auto predicted = run(steps, {.predict = true});
  EXPECT_EQ(predicted.at("test_block").at("reused_entries"), 300 * 70);
  if (comm_.is_root()) {
    EXPECT_EQ(entries("at_once"), entries("steps"));
  }
  const io::Model one = io::read_model(comm_, file("at_once", "model.h5"));
  const io::Model two = io::read_model(comm_, file("steps", "model.h5"));
  for (Index i = 0; i < 300; ++i) EXPECT_NEAR(one.alpha(i, 3), two.alpha(i, 3), 1e-9);
}

TEST_F(Pipeline, AFinishedGramIsNotComputedAgain) {
  run(job("again"));
  const auto second = run(job("again", {"solve.ridge=0.1"}));
  EXPECT_EQ(second.at("gram").at("reused_entries"), second.at("gram").at("entries"));
  EXPECT_EQ(second.at("test_block").at("reused_entries"), second.at("test_block").at("entries"));
}

TEST_F(Pipeline, AnUnfinishedGramIsContinued) {
  run(job("whole"));
  // What a run that was killed after a third of its tiles leaves behind.
  mpi::on_root(comm_, [&] {
    const mpi::Communicator self = mpi::Communicator::self();
    std::filesystem::create_directories(scratch_ / "cut");
    auto from = io::GramStore::open(self, file("whole", "gram.h5"), hdf5::Access::read);
    auto to = io::GramStore::create(self, file("cut", "gram.h5"), from.header());
    const io::GramTiles& tiles = from.tiles(io::GramPart::train);
    for (TileIndex row = 0; row < tiles.rows().count(); ++row)
      for (TileIndex col = row % 3; col <= row; col += 3) {
        Matrix<float> tile(tiles.rows().range(row).size(), tiles.cols().range(col).size());
        const io::StoredTile<float> stored{row, col, tile.view()};
        from.read_tiles<float>(io::GramPart::train, std::span(&stored, 1));
        const io::StoredTile<const float> copied{row, col, tile.view()};
        to.write_tiles<float>(io::GramPart::train, std::span(&copied, 1));
      }
    to.close();
  });
  const auto continued = run(job("cut"));
  EXPECT_GT(continued.at("gram").at("reused_entries"), 10000);
  EXPECT_LT(continued.at("gram").at("reused_entries"), 30000);
  if (comm_.is_root()) {
    EXPECT_EQ(entries("cut"), entries("whole"));
  }
}

TEST_F(Pipeline, ADamagedTileIsComputedAgain) {
  run(job("sound"));
  copy("sound", "damaged", "gram.h5");
  mpi::on_root(comm_, [&] {
    // The last bytes of the file are entries.
    std::fstream bytes(file("damaged", "gram.h5"), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(0, std::ios::end);
    for (Index back : {3000, 40000}) {
      bytes.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file("damaged", "gram.h5"))) - back);
      bytes.put('\x55');
    }
  });
  const bool bad = !io::verify(comm_, file("damaged", "gram.h5")).damaged.empty();
  EXPECT_TRUE(bad);
  const auto mended = run(job("damaged"));
  const Index computed = mended.at("gram").at("entries").get<Index>() -
                         mended.at("gram").at("reused_entries").get<Index>() +
                         mended.at("test_block").at("entries").get<Index>() -
                         mended.at("test_block").at("reused_entries").get<Index>();
  EXPECT_GT(computed, 0);
  EXPECT_LE(computed, 2 * 16 * 16);
  if (comm_.is_root()) {
    EXPECT_EQ(entries("damaged"), entries("sound"));
  }
}

TEST_F(Pipeline, AnotherKernelOrOtherDataAreRefusedByName) {
  run(job("taken"), {.gram = true});
  EXPECT_NE(error_of(job("taken", {"kernel.depth=3"}), ExitCode::usage).find("kernel"), std::string::npos);
  EXPECT_NE(error_of(job("taken", {"kernel.function=nngp"}), ExitCode::usage).find("function"),
            std::string::npos);
  EXPECT_NE(error_of(job("taken", {"gram.tile=32"}), ExitCode::usage).find("tile"), std::string::npos);
  EXPECT_NE(error_of(job("taken", {"data.preprocess=['center']"}), ExitCode::usage).find("sample 0"),
            std::string::npos);
}

TEST_F(Pipeline, ARefusedJobLeavesTheFolderAsItWas) {
  run(job("kept"));
  const auto text_of = [&](const char* name) {
    std::ifstream in(file("kept", name));
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string job_before = text_of("job.toml");
  const std::string metrics_before = text_of("metrics.json");
  comm_.barrier();
  error_of(job("kept", {"kernel.depth=3"}), ExitCode::usage);
  EXPECT_EQ(text_of("job.toml"), job_before);
  EXPECT_EQ(text_of("metrics.json"), metrics_before);
}

TEST_F(Pipeline, AnotherTestSetUsesTheTrainingGramThatIsThere) {
  run(job("model"));
  const std::vector<float> before = entries("model");
  for (const Parts& parts : {everything, Parts{.predict = true}}) {
    const auto other = run(job("model", {"data.test=digits:test[200:300]"}), parts);
    EXPECT_GT(other.at("test").at("accuracy"), 0.8);
    EXPECT_EQ(other.at("test_block").at("reused_entries"), 0);
    if (parts.solve) {
      EXPECT_EQ(other.at("gram").at("reused_entries"), other.at("gram").at("entries"));
    }
  }
  // The file still holds its own test block, whole.
  if (comm_.is_root()) {
    EXPECT_EQ(entries("model"), before);
  }
  // Only where that block is what is asked for is there no room for two.
  EXPECT_NE(error_of(job("model", {"data.test=digits:test[200:300]"}), ExitCode::usage, {.gram = true})
                .find("test"),
            std::string::npos);
}

TEST_F(Pipeline, AModelIsOnlyAskedAboutWhatItWasFittedOn) {
  run(job("fitted"));
  const auto refused = [&](const std::string& setting) {
    return error_of(job("fitted", {setting}), ExitCode::usage, {.predict = true});
  };
  EXPECT_NE(refused("data.train=digits:train[:299]").find("training data"), std::string::npos);
  EXPECT_NE(refused("data.encoding=one-hot").find("encoding"), std::string::npos);
  EXPECT_NE(refused("kernel.depth=4").find("kernel"), std::string::npos);
  EXPECT_NE(refused("data.targets=values").find("encoding"), std::string::npos);
  EXPECT_NE(error_of(job("empty"), ExitCode::files, {.predict = true}).find("model.h5"), std::string::npos);
}

TEST_F(Pipeline, ANetworkThatOverflowsEndsWithTheSampleNamed) {
  const Job overflowing = parse_job(
      "data.train = 'digits:train[:40]'\nkernel.layers = [{op='flatten'}, {op='exp'}, {op='dense'}, "
      "{op='exp'}, {op='dense'}, {op='exp'}, {op='dense'}]\n",
      "job.toml",
      std::vector<std::string>{"output=" + (scratch_ / "overflow"), "data.preprocess=['scale(9)']"});
  for (const Parts& parts : {everything, Parts{.gram = true}}) {
    const std::string message = error_of(overflowing, ExitCode::numerical, parts);
    EXPECT_NE(message.find("sample"), std::string::npos) << message;
  }
}

TEST_F(Pipeline, DuplicatesWithoutARidgeNameTheMinorAndTheWayOut) {
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

TEST_F(Pipeline, AZeroSampleHasNoCovarianceWithAnything) {
  mpi::on_root(comm_, [&] {
    std::ofstream csv(scratch_ / "zero.csv");
    csv << "a,b,value\n0,0,0.5\n";
    for (int i = 1; i < 30; ++i) csv << 0.1 * i << ',' << 0.05 * (i * i % 7) << ',' << 0.3 * i << '\n';
  });
  const auto fitted =
      run(job("zero", {"data.train=" + (scratch_ / "zero.csv"), "data.test=" + (scratch_ / "zero.csv[:3]")}));
  EXPECT_TRUE(fitted.at("test").at("rmse").is_number());
  EXPECT_FALSE(fitted.at("test").contains("accuracy"));
  if (comm_.is_root()) {
    const std::vector<float> tiles = entries("zero");  // the first tile is 16 x 16, column by column
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(tiles[i], 0.0F);
    EXPECT_GT(tiles[17], 0.0F);
  }
}

TEST_F(Pipeline, ConjugateGradientsAgreeWithCholesky) {
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

TEST_F(Pipeline, APlanThatDoesNotFitTheMemoryNamesTheRanks) {
  const std::string message = error_of(job("large", {"gram.memory_limit=100kB"}), ExitCode::usage);
  EXPECT_NE(message.find("memory_limit"), std::string::npos) << message;
  EXPECT_NE(message.find("ranks"), std::string::npos) << message;
}

TEST_F(Pipeline, EveryPrecisionAndFunction) {
  for (const char* precision : {"float32", "float64"})
    for (const char* function : {"ntk", "nngp"}) {
      const auto result =
          run(job(std::string(precision) + function, {"kernel.precision=" + std::string(precision),
                                                      "kernel.function=" + std::string(function)}));
      EXPECT_GT(result.at("test").at("accuracy"), 0.85) << precision << ' ' << function;
    }
}

TEST_F(Pipeline, LibsvmSamplesHaveAsManyFeaturesAsTheJobSays) {
  mpi::on_root(comm_, [&] {
    std::ofstream svm(scratch_ / "few.svm");
    for (int i = 0; i < 20; ++i) svm << i % 2 << " 1:" << 1 + i << " 3:" << i * i % 7 << '\n';
  });
  const std::string file_name = scratch_ / "few.svm";
  const auto data = [&](const std::string& folder, const std::string& setting) {
    const Job svm = job(folder, {"data.train=" + file_name, "data.test=", "data.format=libsvm", setting});
    return run(svm, {.gram = true}).at("data").at("shape");
  };
  EXPECT_EQ(data("as_found", "data.features=0"), (nlohmann::json{3, 1, 1}));
  EXPECT_EQ(data("as_said", "data.features=9"), (nlohmann::json{9, 1, 1}));
}

TEST_F(Pipeline, AJobWithoutATestSetEndsWithAModel) {
  const auto fitted = run(job("no_test", {"data.test="}));
  EXPECT_FALSE(fitted.contains("test"));
  EXPECT_FALSE(std::filesystem::exists(file("no_test", "predictions.h5")));
  EXPECT_NE(error_of(job("no_test", {"data.test="}), ExitCode::usage, {.predict = true}).find("data.test"),
            std::string::npos);
}

TEST_F(Pipeline, OutOfCoreGivesTheAnswerOfTheStoredMatrix) {
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

TEST_F(Pipeline, ConjugateGradientsGoOnWhereTheyEnded) {
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

TEST_F(Pipeline, AGramThatIsKeptNowhereGivesTheSameAnswer) {
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

TEST_F(Pipeline, ARidgeIsPickedFromTrainingSamplesAlone) {
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
  EXPECT_NEAR(loo.at("solve").at("ridge").get<double>(), path[best].at("ridge").get<double>(), 1e-12);
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

TEST_F(Pipeline, MixedPrecisionGivesTheAnswerOfDouble) {
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

TEST_F(Pipeline, AStoppedStartLeavesTheLastRunsMetrics) {
  const auto finished = run(job("kept"));
  mpi::on_root(comm_, [&] { std::ofstream(file("kept", "stop")) << ""; });
  const std::string message = error_of(job("kept", {"solve.ridge=0.1"}), ExitCode::stopped);
  EXPECT_NE(message.find("stop is there: remove it to go on): nothing was computed"), std::string::npos)
      << message;
  std::ifstream in(file("kept", "metrics.json"));
  EXPECT_EQ(nlohmann::json::parse(in), finished);
}

TEST_F(Pipeline, PredictionsSayWhichRidgeTheyAreOf) {
  run(job("model", {"solve.ridge=1e-3"}));
  const auto predicted = run(job("model", {"solve.ridge=0.5"}), {.predict = true});
  EXPECT_NEAR(predicted.at("model").at("ridge").get<double>(), 1e-3, 1e-12);
}

TEST_F(Pipeline, TheMethodIsChosenByWhatIsAskedFor) {
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
TEST_F(Pipeline, CholeskyTakesOverFromConjugateGradients) {
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

TEST_F(Pipeline, AStateServesAnotherRankCount) {
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

TEST_F(Pipeline, AGramThatIsKeptNowhereHasNoSiblings) {
  for (const char* family : {"kernel.both=true", "kernel.depths=[1, 2]"}) {
    const std::string error = error_of(job("nowhere", {"gram.mode=recompute", family}), ExitCode::usage);
    EXPECT_NE(error.find("kernel.both and kernel.depths have nothing to do"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace widegram::jobs
