#include "io/inspect.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/provenance.hpp"
#include "tests/io/store_support.hpp"

namespace widegram::io {
namespace {

using namespace testing_support;

class Inspect : public testing::Test {
 protected:
  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir folder_{comm_};
};

TEST_F(Inspect, UnfinishedGramSaysHowFarItIs) {
  const std::string path = folder_ / "gram.h5";
  GramStore store = GramStore::create(comm_, path, small_header());
  mpi::on_root(comm_, [&] { write_missing<float>(store, [](Index k) { return k < 7; }); });
  store.close();
  comm_.barrier();

  const FileReport report = inspect(path);
  EXPECT_EQ(report.kind, "gram");
  EXPECT_FALSE(report.complete);
  ASSERT_EQ(report.tiles.size(), 2U);
  EXPECT_EQ(report.tiles[0].done, 7);
  EXPECT_EQ(report.tiles[0].all, 28);
  EXPECT_EQ(report.tiles[1].all, 21);
  EXPECT_NE(report.text().find("/train               7 of 28 tiles (25.0 %)"), std::string::npos)
      << report.text();

  const auto json = nlohmann::json::parse(report.json());
  EXPECT_EQ(json["complete"], false);
  EXPECT_EQ(json["tiles"]["/test_train"]["done"], 7);
  EXPECT_EQ(json["datasets"]["/train"]["shape"], (std::vector<int>{50, 50}));
  EXPECT_EQ(json["datasets"]["/train"]["type"], "float32");
  EXPECT_EQ(json["attributes"]["kernel"], small_header().kernel);
  EXPECT_EQ(json["attributes"]["ranks"], comm_.size());
  EXPECT_EQ(json["attributes"]["program_version"], program_version());
  EXPECT_EQ(json["attributes"]["complete"], 0);
}

TEST_F(Inspect, PlainDataFileIsDescribed) {
  const std::string path = folder_ / "data.h5";
  mpi::on_root(comm_, [&] {
    hdf5::File file = hdf5::File::create(path);
    hdf5::Dataset::create<std::uint8_t>(file, "/inputs", {.shape = {3, 28, 28}});
    hdf5::Dataset::create<double>(file, "/deep/targets", {.shape = {3}});
    hdf5::write_attribute(file, "/", "scale", 0.5);
    file.close();
  });
  const FileReport report = inspect(path);
  EXPECT_EQ(report.kind, "hdf5");
  ASSERT_EQ(report.datasets.size(), 2U);
  EXPECT_EQ(report.datasets[0].name, "/deep/targets");
  EXPECT_EQ(report.datasets[1].type, "uint8");
  EXPECT_EQ(std::get<double>(report.attributes.at(0).second), 0.5);
  EXPECT_THROW(inspect(folder_ / "missing.h5"), Error);
}

TEST(Provenance, SaysWhoWhereAndWhen) {
  const Provenance provenance = current_provenance(3);
  EXPECT_FALSE(provenance.version.empty() || provenance.commit.empty() || provenance.host.empty());
  EXPECT_EQ(provenance.time.size(), std::string("2026-01-01T00:00:00Z").size());
  EXPECT_EQ(provenance.ranks, 3);
}

}  // namespace
}  // namespace widegram::io
