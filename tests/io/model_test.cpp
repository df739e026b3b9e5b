#include "io/model.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/predictions.hpp"
#include "io/provenance.hpp"
#include "io/result_file.hpp"
#include "io/verify.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

class Results : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir folder_{comm_};
};

Model some_model(const GramHeader& gram) {
  Model model;
  model.alpha = Matrix<double>(gram.n(), 4);
  for (Index j = 0; j < 4; ++j)
    for (Index i = 0; i < gram.n(); ++i) model.alpha(i, j) = 1.0 / static_cast<double>(1 + i + 100 * j);
  model.ridge = 1e-4;
  model.ridge_absolute = 3e-3;
  model.header.classes = 4;
  model.header.encoding = "centered";
  model.method = "cholesky";
  model.relative_residual = 1e-13;
  model.header.kernel = gram.kernel;
  model.header.function = gram.function;
  model.header.precision = gram.precision;
  model.header.train_hash = checksum(std::span(gram.train_samples));
  model.header.target_hash = 77;
  return model;
}

TEST_F(Results, ModelComesBackOnAllRanks) {
  const GramHeader gram = small_header();
  const std::string path = folder_ / "model.h5";
  write_model(comm_, path, some_model(gram));
  const Model model = read_model(comm_, path);
  ASSERT_EQ(model.alpha.rows(), gram.n());
  ASSERT_EQ(model.alpha.cols(), 4);
  EXPECT_EQ(model.alpha(7, 2), 1.0 / 208.0);
  EXPECT_EQ(model.ridge, 1e-4);
  EXPECT_EQ(model.ridge_absolute, 3e-3);
  EXPECT_EQ(model.relative_residual, 1e-13);
  EXPECT_EQ(model.header.classes, 4);
  EXPECT_EQ(model.header.encoding, "centered");
  EXPECT_EQ(model.method, "cholesky");
  const ModelHeader same = some_model(gram).header;
  EXPECT_EQ(difference(model.header, same), "");
  EXPECT_EQ(difference(model.header, some_model(small_header(49)).header).find("training data: '"), 0U);
  EXPECT_EQ(difference(model.header, some_model(small_header(50, 21, Precision::float64)).header),
            "precision: 'float32' in the file, 'float64' in the job");
  ModelHeader other = same;
  other.classes = 3;
  EXPECT_EQ(difference(model.header, other), "number of classes: '4' in the file, '3' in the job");
  other = same;
  other.target_hash = 78;
  EXPECT_EQ(difference(model.header, other).find("training targets: '"), 0U);
  other = same;
  other.encoding = "one-hot";
  EXPECT_EQ(difference(model.header, other).find("encoding of the targets: 'centered'"), 0U);
  EXPECT_TRUE(verify(comm_, path).good());

  // A newer model takes the place of the older one.
  Model newer = some_model(gram);
  newer.ridge = 0.5;
  write_model(comm_, path, newer);
  EXPECT_EQ(read_model(comm_, path).ridge, 0.5);
  EXPECT_FALSE(std::filesystem::exists(draft_path(path)));
}

TEST_F(Results, OtherFileIsNoModel) {
  const std::string path = folder_ / "gram.h5";
  make_store(comm_, path, small_header(9, 0));
  try {
    read_model(comm_, path);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.what(),
              path + " is not a model file of widegram but a gram file; remove it or choose another output");
  }
}

TEST_F(Results, PredictionsAreWrittenInBlocksOfRows) {
  const std::string path = folder_ / "predictions.h5";
  const Index m = 5 * comm_.size();
  const auto output = [](Index i, Index j) { return j == i % 3 ? 1.0 : 0.001 * static_cast<double>(i); };
  PredictionsWriter writer = PredictionsWriter::create(
      comm_, path,
      {.m = m, .k = 3, .classes = true, .targets = TargetKind::classes, .kernel = "relu", .function = "ntk"});
  mpi::collectively(comm_, [&] {
    // Rank r holds the rows from 5 r on, in two blocks; the second is a window on a larger matrix.
    for (const Range rows :
         {Range{5 * comm_.rank(), 5 * comm_.rank() + 2}, Range{5 * comm_.rank() + 2, 5 * comm_.rank() + 5}}) {
      Matrix<double> mean(10, 3);
      std::vector<std::int64_t> classes;
      for (Index i = rows.begin; i < rows.end; ++i) {
        for (Index j = 0; j < 3; ++j) mean(i - rows.begin, j) = output(i, j);
        classes.push_back(i % 2);
      }
      writer.write_mean(rows.begin, mean.view().block({0, rows.size()}, {0, 3}));
      writer.write_target_classes(rows.begin, classes);
    }
  });
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.finish();

  const hdf5::File file = hdf5::File::open(path);
  const std::vector<double> mean = hdf5::Dataset(file, "/mean").read_all<double>();
  const std::vector<std::int64_t> classes = hdf5::Dataset(file, "/class").read_all<std::int64_t>();
  const std::vector<std::int64_t> targets = hdf5::Dataset(file, "/target").read_all<std::int64_t>();
  for (Index i = 0; i < m; ++i) {
    EXPECT_EQ(classes[static_cast<std::size_t>(i)], i % 3);
    EXPECT_EQ(targets[static_cast<std::size_t>(i)], i % 2);
    for (Index j = 0; j < 3; ++j) EXPECT_EQ(mean[static_cast<std::size_t>(3 * i + j)], output(i, j));
  }
  EXPECT_EQ(hdf5::read_attribute<std::int64_t>(file, "/", "ranks"), comm_.size());
  EXPECT_EQ(hdf5::read_attribute<std::string>(file, "/", "program_commit"), program_commit());
  EXPECT_TRUE(verify(comm_, path).good());
}

TEST_F(Results, PredictedValuesKeepTheirTargets) {
  const std::string path = folder_ / "predictions.h5";
  PredictionsWriter writer =
      PredictionsWriter::create(comm_, path, {.m = 2, .k = 2, .targets = TargetKind::values});
  mpi::on_root(comm_, [&] {
    Matrix<double> values(2, 2);
    values(0, 1) = 3;
    writer.write_mean(0, values.view());
    values(1, 0) = -2;
    writer.write_target_values(0, values.view());
  });
  writer.finish();
  const hdf5::File file = hdf5::File::open(path);
  EXPECT_FALSE(hdf5::exists(file, "/class"));
  EXPECT_EQ(hdf5::Dataset(file, "/mean").read_all<double>(), (std::vector<double>{0, 3, 0, 0}));
  EXPECT_EQ(hdf5::Dataset(file, "/target").read_all<double>(), (std::vector<double>{0, 3, -2, 0}));
}

}  // namespace
}  // namespace widegram::io
