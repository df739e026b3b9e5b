#include "io/data_spec.hpp"

#include <gtest/gtest.h>

#include "src/base/error.hpp"

namespace widegram::io {
namespace {

Range slice_of(const std::string& text, Index samples) { return resolve_slice(parse_source(text), samples); }

TEST(Slice, MeansWhatPythonMeans) {
  EXPECT_EQ(slice_of("a", 10), (Range{0, 10}));
  EXPECT_EQ(slice_of("a[2:5]", 10), (Range{2, 5}));
  EXPECT_EQ(slice_of("a[:5]", 10), (Range{0, 5}));
  EXPECT_EQ(slice_of("a[5:]", 10), (Range{5, 10}));
  EXPECT_EQ(slice_of("a[:]", 10), (Range{0, 10}));
  EXPECT_EQ(slice_of("a[-3:]", 10), (Range{7, 10}));
  EXPECT_EQ(slice_of("a[-5:-2]", 10), (Range{5, 8}));
}

TEST(Slice, OnlyATrailingOneCounts) {
  EXPECT_EQ(parse_source("fashion-mnist:train[:5000]").name, "fashion-mnist:train");
  EXPECT_EQ(parse_source("d[0:1]/x:y[3].npy[4:6]").name, "d[0:1]/x:y[3].npy");
  for (const std::string name :
       {"a[3]", "a[b:c]", "a[1:2:3]", "a[1:2", "a[--1:2]", "a[1:2]b", "]", "[", "a[-:2]", ""}) {
    const SourceText text = parse_source(name);
    EXPECT_EQ(text.name, name);
    EXPECT_FALSE(text.slice) << name;
  }
}

TEST(Slice, OutOfRangeNamesTheSize) {
  for (const std::string text :
       {"a[0:11]", "a[11:]", "a[-11:]", "a[:-11]", "a[3:3]", "a[5:2]", "a[-1:-2]", "a[10:]"}) {
    try {
      slice_of(text, 10);
      ADD_FAILURE() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::data);
      EXPECT_NE(std::string(e.what()).find("a has 10 samples"), std::string::npos) << e.what();
    }
  }
  EXPECT_THROW(parse_source("a[0:99999999999999999999]"), Error);
}

}  // namespace
}  // namespace widegram::io
