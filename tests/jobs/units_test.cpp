#include "jobs/units.hpp"

#include <gtest/gtest.h>

namespace widegram::jobs {
namespace {

TEST(Units, TimesAreRead) {
  EXPECT_EQ(parse_seconds("60s"), Seconds{60});
  EXPECT_EQ(parse_seconds("5min"), Seconds{300});
  EXPECT_EQ(parse_seconds("1.5 h"), Seconds{5400});
  EXPECT_EQ(parse_seconds("250ms"), Seconds{0.25});
  EXPECT_EQ(parse_seconds("2d"), Seconds{172800});
  for (const char* text : {"", "60", "s", "-1s", "5 minutes", "1h30", "infs", "nan s"})
    EXPECT_FALSE(parse_seconds(text)) << text;
}

TEST(Units, TimeLimitsAreReadAsBatchSystemsWriteThem) {
  const auto seconds = [](const char* text) { return parse_time_limit(text).value_or(Seconds{-1}).value; };
  EXPECT_EQ(seconds("90s"), 90);
  EXPECT_EQ(seconds("2h"), 7200);
  EXPECT_EQ(seconds("30"), 30 * 60);
  EXPECT_EQ(seconds("30:15"), 30 * 60 + 15);
  EXPECT_EQ(seconds("1:30:00"), 90 * 60);
  EXPECT_EQ(seconds("2-0"), 2 * 86400);
  EXPECT_EQ(seconds("1-12:30"), 86400 + 12 * 3600 + 30 * 60);
  EXPECT_EQ(seconds("1-12:00:30"), 86400 + 12 * 3600 + 30);
  for (const char* wrong : {"", "x", "1:x", "-1", "1:2:3:4", "1-", "5 parsecs", "1::2"})
    EXPECT_EQ(seconds(wrong), -1) << wrong;
}

TEST(Units, SizesAreRead) {
  EXPECT_EQ(parse_bytes("512MiB"), Bytes{Index{512} << 20});
  EXPECT_EQ(parse_bytes("1.5GB"), Bytes{1500000000});
  EXPECT_EQ(parse_bytes("7B"), Bytes{7});
  for (const char* text : {"", "512", "MiB", "-1GB", "1 gib", "1e30TB"})
    EXPECT_FALSE(parse_bytes(text)) << text;
}

TEST(Units, WhatIsWrittenReadsBack) {
  for (const double seconds : {0.001, 0.1, 60.0, 1.0 / 3.0, 1e9})
    EXPECT_EQ(parse_seconds(to_text(Seconds{seconds})), Seconds{seconds});
  for (const Index bytes : {Index{1}, Index{1000}, Index{1} << 30, (Index{3} << 40) + 1024})
    EXPECT_EQ(parse_bytes(to_text(Bytes{bytes})), Bytes{bytes});
}

TEST(Units, PeopleCanReadThem) {
  EXPECT_EQ(readable_seconds(0.8), "0.80 s");
  EXPECT_EQ(readable_seconds(42.25), "42.2 s");
  EXPECT_EQ(readable_seconds(125), "2 min 05 s");
  EXPECT_EQ(readable_seconds(11520), "3 h 12 min");
  EXPECT_EQ(readable_bytes(1.31e9), "1.31 GB");
  EXPECT_EQ(readable_bytes(12), "12 B");
  EXPECT_EQ(readable_count(12502500), "12.5 M");
  EXPECT_EQ(readable_count(870), "870");
}

}  // namespace
}  // namespace widegram::jobs
