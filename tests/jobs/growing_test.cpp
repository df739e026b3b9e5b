// A Gram grows with its samples: only what is new is computed, and the bits are those of a Gram made at once.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/jobs/pipeline_fixture.hpp"

namespace widegram::jobs {
namespace {

using Growing = test::PipelineFixture;

/// Tiles of 16: 18 whole ones in 300 samples, 4 in 70 tests.
const std::vector<std::string> larger{"data.train=digits:train[:350]", "data.test=digits:test[:100]"};

Index computed(const nlohmann::json& metrics, const char* part) {
  return metrics.at(part).at("entries").get<Index>() - metrics.at(part).at("reused_entries").get<Index>();
}

TEST_F(Growing, OnlyNewRowsAndColumnsAreComputed) {
  run(job("grown"));
  const auto grown = run(job("grown", larger));
  const Index old_whole = 18 * 16;
  EXPECT_EQ(computed(grown, "gram"), 350 * 351 / 2 - old_whole * (old_whole + 1) / 2);
  EXPECT_EQ(computed(grown, "test_block"), 350 * 100 - old_whole * 64);

  const auto fresh = run(job("fresh", larger));
  if (comm_.is_root()) {
    EXPECT_EQ(entries("grown"), entries("fresh"));
  }
  EXPECT_EQ(grown.at("test").at("accuracy"), fresh.at("test").at("accuracy"));
}

TEST_F(Growing, AllFilesOfAFamilyGrow) {
  run(job("family", {"kernel.both=true"}), {.gram = true});
  std::vector<std::string> settings = larger;
  settings.push_back("kernel.both=true");
  run(job("family", settings), {.gram = true});
  run(job("at_once", settings), {.gram = true});
  if (comm_.is_root()) {
    EXPECT_EQ(entries("family", "gram-nngp.h5"), entries("at_once", "gram-nngp.h5"));
  }
}

TEST_F(Growing, StatisticsOfAFixedSetLetAGramGrow) {
  const std::vector<std::string> fixed{"data.preprocess=[\"standardize\"]",
                                       "data.preprocess_from=digits:train[:300]"};
  std::vector<std::string> more = fixed;
  more.insert(more.end(), larger.begin(), larger.end());
  // The statistics of the training set itself are those of the fixed set, as long as they are the same
  // samples.
  run(job("fixed", {fixed[0]}), {.gram = true});
  const auto grown = run(job("fixed", more), {.gram = true});
  EXPECT_GT(grown.at("gram").at("reused_entries"), 40000);

  std::vector<std::string> own = larger;
  own.push_back(fixed[0]);
  run(job("own", {fixed[0]}), {.gram = true});
  const std::string error = error_of(job("own", own), ExitCode::usage, {.gram = true});
  EXPECT_NE(error.find("set data.preprocess_from to the set of 300 samples that it was made from"),
            std::string::npos)
      << error;
}

TEST_F(Growing, FewerSamplesAreRefused) {
  run(job("shrunk"), {.gram = true});
  const std::string error =
      error_of(job("shrunk", {"data.train=digits:train[:200]"}), ExitCode::usage, {.gram = true});
  EXPECT_NE(error.find("training data: 300 samples in the file, 200 in the job"), std::string::npos) << error;
}

TEST_F(Growing, TheTestSetIsNamedWhereItIsInTheWay) {
  run(job("tests"), {.gram = true});
  const std::string error =
      error_of(job("tests", {"data.train=digits:train[:350]", "data.test=digits:test[:60]"}), ExitCode::usage,
               {.gram = true});
  EXPECT_NE(error.find("test data: 70 samples in the file, 60 in the job"), std::string::npos) << error;
  EXPECT_EQ(error.find("training data"), std::string::npos) << error;
}

}  // namespace
}  // namespace widegram::jobs
