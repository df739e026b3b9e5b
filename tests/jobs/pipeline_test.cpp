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

TEST_F(Pipeline, APlanThatDoesNotFitTheMemoryNamesTheRanks) {
  const std::string message = error_of(job("large", {"gram.memory_limit=100kB"}), ExitCode::usage);
  EXPECT_NE(message.find("memory_limit"), std::string::npos) << message;
  EXPECT_NE(message.find("ranks"), std::string::npos) << message;
  EXPECT_NE(message.find("gram.mode = \"out-of-core\""), std::string::npos) << message;
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

TEST_F(Pipeline, AStoppedStartLeavesTheLastRunsMetrics) {
  const auto finished = run(job("kept"));
  mpi::on_root(comm_, [&] { std::ofstream(file("kept", "stop")) << ""; });
  const std::string message = error_of(job("kept", {"solve.ridge=0.1"}), ExitCode::stopped);
  EXPECT_NE(message.find("stop is there: remove it to go on): nothing was computed"), std::string::npos)
      << message;
  std::ifstream in(file("kept", "metrics.json"));
  EXPECT_EQ(nlohmann::json::parse(in), finished);
}

TEST_F(Pipeline, AGramThatIsKeptNowhereHasNoSiblings) {
  for (const char* family : {"kernel.both=true", "kernel.depths=[1, 2]"}) {
    const std::string error = error_of(job("nowhere", {"gram.mode=recompute", family}), ExitCode::usage);
    EXPECT_NE(error.find("kernel.both and kernel.depths have nothing to do"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace widegram::jobs
