#include "jobs/progress.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace widegram::jobs {
namespace {

TEST(Progress, SaysShareRateAndTimeLeft) {
  std::ostringstream out;
  Progress progress(out, {.interval = 0});
  Phase phase(progress, "gram", 2000, "entries");
  phase.update(500);
  const std::string line = out.str();
  EXPECT_EQ(line.find("gram        25 %  500 of 2 k entries"), 0U) << line;
  EXPECT_NE(line.find("/s"), std::string::npos) << line;
  EXPECT_NE(line.find(" left\n"), std::string::npos) << line;
  EXPECT_GE(phase.finish(), 0.0);
  EXPECT_NE(out.str().find("gram       done in "), std::string::npos) << out.str();
}

TEST(Progress, WithoutAUnitSaysTheShareAlone) {
  std::ostringstream out;
  Progress progress(out, {.interval = 0});
  Phase phase(progress, "solve", 1000, "");
  phase.update(450);
  EXPECT_EQ(out.str().find("solve       45 %  "), 0U) << out.str();
  EXPECT_EQ(out.str().find("/s"), std::string::npos) << out.str();
  phase.finish();
  EXPECT_EQ(out.str().find("1 k"), std::string::npos) << out.str();
}

TEST(Progress, KeepsQuietBetweenLines) {
  std::ostringstream out;
  Progress progress(out, {.interval = 1000});
  Phase phase(progress, "gram", 2000, "entries");
  for (Index done = 1; done <= 2000; ++done) phase.update(done);
  EXPECT_EQ(out.str(), "");
}

TEST(Progress, LevelsFilter) {
  const auto spoken = [](Progress::Level level) {
    std::ostringstream out;
    Progress progress(out, {.level = level, .interval = 0});
    progress.detail("detail");
    progress.note("note");
    progress.warn("look");
    Phase phase(progress, "solve", 10, "columns");
    phase.update(5);
    phase.finish();
    return out.str();
  };
  EXPECT_EQ(spoken(Progress::Level::quiet), "warning: look\n");
  EXPECT_EQ(spoken(Progress::Level::normal).find("note\nwarning: look\nsolve"), 0U);
  EXPECT_EQ(spoken(Progress::Level::verbose).find("detail\nnote\n"), 0U);
}

TEST(Progress, DrawsABarOnATerminalOnlyAndCleansUp) {
  std::ostringstream out;
  Progress progress(out, {.terminal = true, .interval = 0});
  {
    Phase phase(progress, "gram", 8, "tiles");
    phase.update(4);
    EXPECT_NE(out.str().find("[############............] gram        50 %"), std::string::npos) << out.str();
  }
  EXPECT_TRUE(out.str().ends_with("\r\033[K"));
}

TEST(Progress, UnknownAmountsAndSilentRanksAreFine) {
  Progress silent;
  Phase nothing(silent, "gram", 10, "tiles");
  nothing.update(3);
  nothing.finish();
  std::ostringstream out;
  Progress progress(out, {.interval = 0});
  Phase phase(progress, "read", 0, "");
  phase.update(3);
  EXPECT_EQ(out.str(), "");
  phase.finish();
  EXPECT_EQ(out.str().find("read       done in "), 0U);
}

}  // namespace
}  // namespace widegram::jobs
