#include <fmt/format.h>
#include <gtest/gtest.h>

#include "io/data_set.hpp"
#include "tests/io/data_files.hpp"

namespace widegram::io {
namespace {

using mpi::Communicator;
using namespace widegram::test;

class TextDataTest : public testing::Test {
 protected:
  Communicator comm = Communicator::world();
  TempDir dir{comm};

  std::string file(const std::string& name, const std::string& text) {
    write_file(comm, dir / name, text);
    return dir / name;
  }
  /// Everything on this rank.
  DataSet alone(const DataSpec& spec) { return read_data(Communicator::self(), spec); }
  /// The error of a file with this text.
  std::string error(const std::string& name, const std::string& text, Targets targets = Targets::automatic) {
    return read_error(comm, {.source = file(name, text), .targets = targets});
  }
};

using Classes = std::vector<std::int64_t>;

TEST_F(TextDataTest, CsvSpreadsOverTheRanks) {
  std::string text = "a,b,label\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("{},{},{}\n", 0.1 * i, -i, i % 3);
  for (const std::string& source : {file("a.csv", text), file("b.csv.gz", gzipped(text))}) {
    const DataSet set = read_as_alone(comm, {.source = source + "[3:190]"});
    EXPECT_EQ(set.samples(), 187);
    EXPECT_EQ(set.outputs, 3);
    for (Index j = 0; j < set.local.size(); ++j) {
      const Index i = set.local.begin + j + 3;
      EXPECT_EQ(set.inputs(0, j), 0.1 * static_cast<double>(i));
      EXPECT_EQ(set.inputs(1, j), -static_cast<double>(i));
      EXPECT_EQ(set.classes[static_cast<std::size_t>(j)], i % 3);
    }
  }
}

TEST_F(TextDataTest, CsvQuotesWordsAndLineEnds) {
  const DataSet set = alone({.source = file("a.csv",
                                            "\xEF\xBB\xBF\"a, \"\"first\"\"\",class,b\r\n"
                                            "1,\"two\nlines\",+2\r\n\r\n"
                                            " 3 , \"apple\" ,4e-1\r\n"
                                            "\"5\",apple,6")});
  EXPECT_EQ(set.feature_names, (std::vector<std::string>{"a, \"first\"", "b"}));
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"apple", "two\nlines"}));
  EXPECT_EQ(set.classes, (Classes{1, 0, 0}));
  EXPECT_EQ(std::vector<double>(set.inputs.data(), set.inputs.data() + 6),
            (std::vector<double>{1, 2, 3, 0.4, 5, 6}));
}

TEST_F(TextDataTest, CsvTargetColumns) {
  const std::string path = file("a.csv", "x;y;z\n1;2;3\n4;5;6.5\n");
  EXPECT_EQ(alone({.source = path}).classes, (Classes{2, 5}));  // y is a usual name
  EXPECT_EQ(alone({.source = path, .labels = "x"}).classes, (Classes{1, 4}));
  EXPECT_EQ(alone({.source = path, .labels = "1"}).classes, (Classes{1, 4}));
  const DataSet last = alone({.source = path, .labels = "-1"});
  EXPECT_EQ(last.target_kind, TargetKind::values);
  EXPECT_EQ(last.values(0, 1), 6.5);
  const DataSet two = alone({.source = path, .labels = "z,x"});
  EXPECT_EQ(two.outputs, 2);
  EXPECT_EQ(two.values(0, 0), 3);
  EXPECT_EQ(two.values(1, 1), 4);
  EXPECT_EQ(two.inputs(0, 1), 5);
  EXPECT_TRUE(
      says(read_error(comm, {.source = path, .labels = "yy"}), {"'yy'", "did you mean 'y'", "x, y, z"}));
  EXPECT_TRUE(says(read_error(comm, {.source = path, .labels = "4"}), {"'4'", "3 columns"}));
}

TEST_F(TextDataTest, TestSetFollowsTheTrainingSet) {
  const std::string train_path = file("train.csv", "a,class\n1,cat\n2,dog\n3,ant\n");
  const DataSet train = read_data(comm, {.source = train_path});
  const DataSet test = read_data(comm, {.source = file("test.csv", "a,class\n1,dog\n2,dog\n")}, &train);
  EXPECT_EQ(test.outputs, 3);
  EXPECT_EQ(test.classes, test.local.empty() ? Classes{} : (Classes{2, 2}));
  EXPECT_TRUE(says(read_error(comm, {.source = file("bad.csv", "a,class\n1,dog\n2,emu\n")}, &train),
                   {"bad.csv: line 3", "'emu'", "training set"}));
  EXPECT_TRUE(says(read_error(comm, {.source = file("wide.csv", "a,b,class\n1,2,dog\n")}, &train),
                   {"wide.csv", "2 features", "1 features"}));
  EXPECT_TRUE(
      says(read_error(comm, {.source = file("other.csv", "b,class\n1,dog\n")}, &train), {"'b'", "'a'"}));

  const DataSet values = read_data(comm, {.source = file("v.csv", "a,y\n1,0.5\n2,1\n")});
  const DataSet whole = read_data(comm, {.source = file("w.csv", "a,y\n1,3\n")}, &values);
  EXPECT_EQ(whole.target_kind, TargetKind::values);
}

TEST_F(TextDataTest, CsvErrorsNameLineAndColumn) {
  EXPECT_TRUE(says(error("a.csv", "a,b,y\n1,2,0\n1,red,1\n"), {"a.csv: line 3, column 2 'b'", "'red'"}));
  EXPECT_TRUE(says(error("b.csv", "a,b,y\n1,2,0\n1,,1\n"), {"line 3, column 2 'b' is empty"}));
  EXPECT_TRUE(says(error("c.csv", "a,b,y\n1,nan,0\n"), {"line 2, column 2", "'nan'"}));
  EXPECT_TRUE(says(error("d.csv", "a,b,y\n1,2,0\n1,2\n"), {"line 3 has 2 fields, the header 3"}));
  EXPECT_TRUE(says(error("e.csv", "a,b,y\n1,\"2,0\n"), {"line 2", "never closed"}));
  EXPECT_TRUE(says(error("f.csv", "1.5,2,0\n1,2,1\n"), {"line 1", "header"}));
  EXPECT_TRUE(says(error("g.csv", "a,b,y\n"), {"no data"}));
  EXPECT_TRUE(says(error("h.csv", "y\n1\n"), {"no column is left"}));
  EXPECT_TRUE(says(error("i.csv", "a,y\n1,0.5\n2,oops\n"), {"line 3", "'oops'", "among numbers"}));
  EXPECT_TRUE(says(error("j.csv", "a,y\n1,0.5\n2,1\n", Targets::classes), {"not whole"}));
  EXPECT_TRUE(says(error("k.csv", "a,y\n1,0.5\n2,inf\n", Targets::values), {"line 3", "'inf'"}));
  EXPECT_TRUE(says(error("l.csv", "a,y\n1,\"x\"z\n"), {"line 2", "closing quote"}));
}

TEST_F(TextDataTest, ManyWholeNumbersAreValues) {
  std::string text = "a,y\n";
  for (int i = 0; i < 1001; ++i) text += fmt::format("1,{}\n", i);
  const std::string path = file("a.csv", text);
  EXPECT_EQ(alone({.source = path}).target_kind, TargetKind::values);
  EXPECT_EQ(alone({.source = path, .targets = Targets::classes}).outputs, 1001);
}

TEST_F(TextDataTest, LibsvmIsSparse) {
  std::string text;
  for (int i = 0; i < 150; ++i)
    text += fmt::format("{} {}:0.5 7:{}\n", i % 2 == 0 ? "+1" : "-1", 1 + i % 5, i);
  const DataSet set =
      read_as_alone(comm, {.source = file("a.libsvm", text + "# only a comment\n\n-1 qid:4 # none\n")});
  EXPECT_EQ(set.samples(), 151);
  EXPECT_EQ(set.shape, (SampleShape{7, 1, 1}));
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"-1", "1"}));
  for (Index j = 0; j < set.local.size(); ++j) {
    const Index i = set.local.begin + j;
    EXPECT_EQ(set.classes[static_cast<std::size_t>(j)], i < 150 && i % 2 == 0 ? 1 : 0);
    for (Index f = 0; f < 6; ++f) EXPECT_EQ(set.inputs(f, j), i < 150 && f == i % 5 ? 0.5 : 0.0);
    EXPECT_EQ(set.inputs(6, j), i < 150 ? static_cast<double>(i) : 0.0);
  }
}

TEST_F(TextDataTest, LibsvmTestSetHasTheTrainingSetsFeatures) {
  const DataSet train = read_data(comm, {.source = file("a.svm", "1 2:1 5:1\n2 1:1\n")});
  EXPECT_EQ(train.outputs, 3);
  const DataSet test = read_data(comm, {.source = file("b.svm", "1 2:1\n")}, &train);
  EXPECT_EQ(test.features(), 5);
  EXPECT_TRUE(says(read_error(comm, {.source = file("c.svm", "1 2:1\n1 6:1\n")}, &train),
                   {"c.svm: line 2", "feature 6", "5 features"}));
  EXPECT_EQ(read_data(comm, {.source = dir / "a.svm", .features = 9}).features(), 9);
}

TEST_F(TextDataTest, LibsvmErrorsNameTheLine) {
  EXPECT_TRUE(says(error("a.svm", "1 2:1\n1 3:x\n"), {"a.svm: line 2", "'3:x'"}));
  EXPECT_TRUE(says(error("b.svm", "1 0:1\n"), {"line 1", "index from 1"}));
  EXPECT_TRUE(says(error("c.svm", "1 3:1 2:1\n"), {"line 1", "ascend"}));
  EXPECT_TRUE(says(error("d.svm", "1:1 2:1\n"), {"line 1", "label"}));
  EXPECT_TRUE(says(error("e.svm", "1 2:nan\n"), {"line 1", "'2:nan'"}));
  EXPECT_TRUE(says(error("f.svm", "1 word\n"), {"line 1", "'word'"}));
  EXPECT_TRUE(says(error("g.svm", "# nothing\n"), {"no data"}));
  EXPECT_TRUE(says(error("h.svm", "1 99999999999999999999:1\n"), {"line 1", "index from 1"}));
}

}  // namespace
}  // namespace widegram::io
