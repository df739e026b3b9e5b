// Several Grams from one pass, and training sets with mirror images, from end to end on any number of ranks.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "io/model.hpp"
#include "io/verify.hpp"
#include "tests/io/data_files.hpp"
#include "tests/jobs/pipeline_fixture.hpp"

namespace widegram::jobs {
namespace {

using nlohmann::json;
using test::everything;

class Sharing : public test::PipelineFixture {
 protected:
  /// Small images under a convolutional network.
  Job images(const std::string& folder, std::vector<std::string> settings = {}) const {
    settings.insert(settings.begin(), "output=" + (scratch_ / folder));
    return parse_job(
        "data.train = 'digits:train[:30]'\ndata.test = 'digits:test[:11]'\ndata.preprocess = "
        "['standardize']\n"
        "kernel.preset = 'cntk-gap'\nkernel.depth = 2\ngram.tile = 8\nsolve.ridge = 1e-2\n",
        "job.toml", settings);
  }

  bool exists(const std::string& folder, const std::string& name) const {
    return std::filesystem::exists(file(folder, name));
  }

  /// Removes a file between two runs.
  void remove(const std::string& folder, const std::string& name) const {
    comm_.barrier();
    mpi::on_root(comm_, [&] { std::filesystem::remove(file(folder, name)); });
  }

  io::GramHeader header(const std::string& folder, const std::string& name = "gram.h5") const {
    auto store = io::GramStore::open(mpi::Communicator::self(), file(folder, name), hdf5::Access::read);
    io::GramHeader header = store.header();
    store.close();
    return header;
  }

  std::vector<double> test_diagonal(const std::string& folder, const std::string& name = "gram.h5") const {
    auto store = io::GramStore::open(mpi::Communicator::self(), file(folder, name), hdf5::Access::read);
    const auto values = store.read_test_diagonal();
    store.close();
    EXPECT_TRUE(values.has_value());
    return values.value_or(std::vector<double>());
  }

  /// A file of one folder is, but for who wrote it, that of another.
  void expect_same_gram(const std::string& folder, const std::string& name, const std::string& other) const {
    SCOPED_TRACE(name + " against " + other);
    EXPECT_EQ(io::difference(header(folder, name), header(other)), "");
    EXPECT_EQ(io::test_difference(header(folder, name), header(other)), "");
    EXPECT_EQ(entries(folder, name), entries(other));
    EXPECT_EQ(test_diagonal(folder, name), test_diagonal(other));
  }

  /// Copies tiles of a finished Gram into a new store in another folder: what a run that was killed leaves.
  void copy_some_tiles(const std::string& from, const std::string& to, const std::string& name,
                       Index every) const {
    mpi::on_root(comm_, [&] {
      const mpi::Communicator self = mpi::Communicator::self();
      std::filesystem::create_directories(scratch_ / to);
      auto whole = io::GramStore::open(self, file(from, name), hdf5::Access::read);
      auto part = io::GramStore::create(self, file(to, name), whole.header());
      const io::GramTiles& tiles = whole.tiles(io::GramPart::train);
      for (TileIndex row = 0; row < tiles.rows().count(); ++row)
        for (TileIndex col = 0; col <= row; ++col) {
          if ((row + col) % every != 0) continue;
          Matrix<float> tile(tiles.rows().range(row).size(), tiles.cols().range(col).size());
          const io::StoredTile<float> stored{row, col, tile.view()};
          whole.read_tiles<float>(io::GramPart::train, std::span(&stored, 1));
          const io::StoredTile<const float> copied{row, col, tile.view()};
          part.write_tiles<float>(io::GramPart::train, std::span(&copied, 1));
        }
      whole.close();
      part.close();
    });
  }
};

TEST_F(Sharing, EveryFileIsTheGramOfAJobOfItsOwn) {
  const auto metrics =
      run(images("all", {"kernel.depths=[3, 1, 2]", "kernel.both=true", "data.augment=flip"}));
  EXPECT_EQ(metrics.at("gram").at("files"),
            json({"gram.h5", "gram-nngp.h5", "gram-depth3.h5", "gram-depth3-nngp.h5", "gram-depth1.h5",
                  "gram-depth1-nngp.h5"}));
  EXPECT_EQ(metrics.at("gram").at("n"), 60);
  EXPECT_EQ(metrics.at("data").at("augment"), "flip");
  for (const std::string depth : {"1", "2", "3"})
    for (const std::string function : {"ntk", "nngp"}) {
      const std::string alone = "alone" + depth + function;
      run(images(alone, {"kernel.depth=" + depth, "kernel.function=" + function, "data.augment=flip"}),
          {.gram = true});
      const std::string name = std::string("gram") + (depth == "2" ? "" : "-depth" + depth) +
                               (function == "ntk" ? "" : "-nngp") + ".h5";
      if (comm_.is_root()) expect_same_gram("all", name, alone);
      EXPECT_TRUE(io::verify(comm_, file("all", name)).good()) << name;
    }
}

TEST_F(Sharing, AnyRankCountGivesTheBitsOfOneRank) {
  const std::vector<std::string> settings{"kernel.depths=[1, 2]", "kernel.both=true", "data.augment=flip"};
  run(images("together", settings));
  if (!comm_.is_root()) return;
  run(mpi::Communicator::self(), images("alone", settings), everything);
  for (const char* name : {"gram.h5", "gram-nngp.h5", "gram-depth1.h5", "gram-depth1-nngp.h5"})
    EXPECT_EQ(entries("together", name), entries("alone", name));
}

TEST_F(Sharing, TheModelIsThatOfTheJobsOwnDepthAndFunction) {
  const auto plain = run(images("plain", {"kernel.depth=1", "kernel.function=nngp"}));
  const auto shared = run(images(
      "shared", {"kernel.depth=1", "kernel.function=nngp", "kernel.both=true", "kernel.depths=[1, 2]"}));
  EXPECT_EQ(shared.at("kernel").at("network"), plain.at("kernel").at("network"));
  EXPECT_NEAR(shared.at("test").at("rmse"), plain.at("test").at("rmse"), 1e-9);
  EXPECT_TRUE(exists("shared", "gram-ntk.h5"));
  EXPECT_TRUE(exists("shared", "gram-depth2.h5"));
  EXPECT_TRUE(exists("shared", "gram-depth2-ntk.h5"));
  if (comm_.is_root()) expect_same_gram("shared", "gram.h5", "plain");
}

TEST_F(Sharing, VectorsAndListedLayersToo) {
  run(job("vectors", {"kernel.both=true", "kernel.depths=[1, 2]"}));
  run(job("vector", {"kernel.depth=1", "kernel.function=nngp"}), {.gram = true});
  const auto layers = [&](const std::string& folder, const std::string& setting) {
    return parse_job(
        "data.train = 'digits:train[:40]'\ndata.test = 'digits:test[:5]'\ngram.tile = 16\n"
        "kernel.layers = [{op='conv'}, {op='erf'}, {op='flatten'}, {op='dense'}]\n",
        "job.toml", std::vector<std::string>{"output=" + (scratch_ / folder), setting});
  };
  run(layers("layers", "kernel.both=true"));
  run(layers("layers_nngp", "kernel.function=nngp"), {.gram = true});
  if (!comm_.is_root()) return;
  expect_same_gram("vectors", "gram-depth1-nngp.h5", "vector");
  expect_same_gram("layers", "gram-nngp.h5", "layers_nngp");
}

TEST_F(Sharing, ASiblingThatIsMissingOrUnfinishedIsCompleted) {
  const std::vector<std::string> settings{"kernel.depths=[1, 2]", "kernel.both=true"};
  run(images("whole", settings), {.gram = true});
  const std::vector<float> own = entries("whole");
  const auto expect_whole = [&](const std::string& folder) {
    comm_.barrier();
    if (!comm_.is_root()) return;
    for (const char* name : {"gram.h5", "gram-nngp.h5", "gram-depth1.h5", "gram-depth1-nngp.h5"})
      EXPECT_EQ(entries(folder, name), entries("whole", name)) << name;
  };

  // Nothing is missing: nothing is computed.
  const auto again = run(images("whole", settings), {.gram = true});
  EXPECT_EQ(again.at("gram").at("reused_entries"), 30 * 31 / 2);
  EXPECT_EQ(again.at("test_block").at("reused_entries"), 30 * 11);

  // One sibling is gone: each tile is computed again, for that one.
  for (const char* name : {"gram.h5", "gram-nngp.h5", "gram-depth1.h5"}) copy("whole", "gone", name);
  const auto without = run(images("gone", settings));
  EXPECT_EQ(without.at("gram").at("reused_entries"), 0);
  expect_whole("gone");

  // Two were killed at different tiles: a tile counts where both hold it.
  copy_some_tiles("whole", "killed", "gram.h5", 2);
  copy_some_tiles("whole", "killed", "gram-depth1.h5", 3);
  copy("whole", "killed", "gram-nngp.h5");
  copy("whole", "killed", "gram-depth1-nngp.h5");
  const auto continued = run(images("killed", settings));
  // Tiles (row, col) with row + col = 0, 6, ... and both in the triangle of 4: (0, 0), (3, 3).
  EXPECT_EQ(continued.at("gram").at("reused_entries"), 8 * 9 / 2 + 6 * 7 / 2);
  expect_whole("killed");

  // A damaged tile of a sibling.
  for (const char* name : {"gram.h5", "gram-nngp.h5", "gram-depth1.h5", "gram-depth1-nngp.h5"})
    copy("whole", "damaged", name);
  mpi::on_root(comm_, [&] {
    const std::string path = file("damaged", "gram-depth1.h5");
    std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(std::filesystem::file_size(path)) - 8 * 8 * 4 + 5);
    bytes.put('\x55');
  });
  EXPECT_FALSE(io::verify(comm_, file("damaged", "gram-depth1.h5")).good());
  run(images("damaged", settings), {.gram = true});
  EXPECT_TRUE(io::verify(comm_, file("damaged", "gram-depth1.h5")).good());
  expect_whole("damaged");

  // A job for one of them alone goes on with its file.
  copy("whole", "taken", "gram-depth1-nngp.h5");
  mpi::on_root(comm_, [&] {
    std::filesystem::rename(file("taken", "gram-depth1-nngp.h5"), file("taken", "gram.h5"));
  });
  const auto taken = run(images("taken", {"kernel.depth=1", "kernel.function=nngp"}));
  EXPECT_EQ(taken.at("gram").at("reused_entries"), 30 * 31 / 2);
}

TEST_F(Sharing, ASiblingOfAnotherGramIsRefusedByName) {
  run(images("first", {"kernel.both=true"}), {.gram = true});
  copy("first", "second", "gram-nngp.h5");
  const std::string message =
      error_of(images("second", {"kernel.both=true", "kernel.weight_variance=1.5"}), ExitCode::usage);
  EXPECT_NE(message.find("gram-nngp.h5"), std::string::npos) << message;
  EXPECT_NE(message.find("kernel"), std::string::npos) << message;
}

TEST_F(Sharing, PredictingNeedsNoSibling) {
  run(images("fit", {"kernel.both=true"}), {.solve = true});
  remove("fit", "gram-nngp.h5");
  const auto predicted = run(images("fit", {"kernel.both=true"}), {.predict = true});
  EXPECT_TRUE(predicted.at("test").at("accuracy").is_number());
  EXPECT_FALSE(exists("fit", "gram-nngp.h5"));
}

/// Digits with their mirror images behind them as files of their own.
class MirrorImages : public Sharing {
 protected:
  void write_files() const {
    const io::DataSet set = io::read_data(mpi::Communicator::self(), {.source = "digits:train[:30]"});
    std::vector<double> pixels;
    std::vector<std::int64_t> labels;
    for (Index i = 0; i < set.samples(); ++i) {
      for (const bool mirrored : {false, true}) {
        for (Index y = 0; y < 8; ++y)
          for (Index x = 0; x < 8; ++x) pixels.push_back(set.inputs(8 * y + (mirrored ? 7 - x : x), i));
        labels.push_back(set.classes[static_cast<std::size_t>(i)]);
      }
    }
    using widegram::test::npy_bytes;
    widegram::test::write_file(comm_, scratch_ / "x.npy", npy_bytes("<f8", "(60, 1, 8, 8)", pixels));
    widegram::test::write_file(comm_, scratch_ / "y.npy", npy_bytes("<i8", "(60,)", labels));
  }
};

TEST_F(MirrorImages, AnAugmentedSetIsTheSetOfAFileThatHoldsThem) {
  write_files();
  for (const std::string preset : {"cntk-gap", "cntk-flatten", "dense"}) {
    SCOPED_TRACE(preset);
    const std::vector<std::string> common{"data.preprocess=['scale(2)']", "kernel.preset=" + preset,
                                          "kernel.precision=float64"};
    auto augmented = common;
    augmented.push_back("data.augment=flip");
    auto explicit_file = common;
    explicit_file.insert(explicit_file.end(),
                         {"data.train=" + (scratch_ / "x.npy"), "data.labels=" + (scratch_ / "y.npy"),
                          "data.test_labels=auto"});
    const auto one = run(images("augmented" + preset, augmented));
    const auto two = run(images("explicit" + preset, explicit_file));
    EXPECT_NEAR(one.at("test").at("rmse"), two.at("test").at("rmse"), 1e-6);
    const io::Model model = io::read_model(comm_, file("augmented" + preset, "model.h5"));
    const io::Model other = io::read_model(comm_, file("explicit" + preset, "model.h5"));
    EXPECT_EQ(model.alpha.rows(), 60);
    EXPECT_EQ(io::difference(model.header, other.header), "");
    if (!comm_.is_root()) continue;
    EXPECT_EQ(header("augmented" + preset).train_samples, header("explicit" + preset).train_samples);
    EXPECT_NE(io::difference(header("augmented" + preset), header("explicit" + preset)).find("augment"),
              std::string::npos);
    const auto values = entries<double>("augmented" + preset);
    const auto expected = entries<double>("explicit" + preset);
    ASSERT_EQ(values.size(), expected.size());
    const double largest = *std::max_element(expected.begin(), expected.end());
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-12 * largest);
  }
}

TEST_F(MirrorImages, StatisticsComeFromTheImagesAlone) {
  run(images("without"), {.gram = true});
  run(images("with", {"data.augment=flip"}), {.gram = true});
  if (!comm_.is_root()) return;
  const io::GramHeader without = header("without");
  const io::GramHeader with = header("with");
  ASSERT_EQ(with.n(), 60);
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(with.train_samples[2 * i], without.train_samples[i]);
  EXPECT_NE(with.train_samples[1], with.train_samples[0]);
  EXPECT_EQ(with.test_samples, without.test_samples);
}

TEST_F(MirrorImages, OtherAugmentationIsAnotherGramAndVectorsHaveNone) {
  run(images("kept", {"data.augment=flip"}));
  EXPECT_NE(error_of(images("kept"), ExitCode::usage).find("augment"), std::string::npos);
  const auto predicted = run(images("kept", {"data.augment=flip"}), {.predict = true});
  EXPECT_EQ(predicted.at("data").at("train_samples"), 60);
  EXPECT_NE(error_of(images("kept"), ExitCode::usage, {.predict = true}).find("training data"),
            std::string::npos);

  widegram::test::write_file(comm_, scratch_ / "table.csv", "a,b,y\n1,2,0\n3,4,1\n5,6,0\n");
  const std::string message =
      error_of(job("table", {"data.train=" + (scratch_ / "table.csv"), "data.test=", "data.augment=flip"}),
               ExitCode::usage);
  EXPECT_NE(message.find("data.augment"), std::string::npos) << message;
  EXPECT_NE(message.find("2 features"), std::string::npos) << message;
}

}  // namespace
}  // namespace widegram::jobs
