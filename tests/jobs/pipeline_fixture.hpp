#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/gram_store.hpp"
#include "io/inspect.hpp"
#include "io/verify.hpp"
#include "jobs/job_file.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/pipeline.hpp"
#include "src/base/matrix.hpp"
#include "src/mpi/agree.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs::test {

using widegram::test::TempDir;

inline constexpr Parts everything{.gram = true, .solve = true, .predict = true};

/// Jobs in a scratch folder, run on all ranks, and what they left there.
class PipelineFixture : public testing::Test {
 protected:
  /// A small job on digits, changed by settings as --set takes them, with its output in `folder` of the
  /// scratch folder.
  Job job(const std::string& folder, std::vector<std::string> settings = {}) const {
    settings.insert(settings.begin(), "output=" + (scratch_ / folder));
    return parse_job(
        "data.train = 'digits:train[:300]'\ndata.test = 'digits:test[:70]'\n"
        "kernel.preset = 'dense'\nkernel.depth = 2\ngram.tile = 16\nsolve.ridge = 1e-3\n",
        "job.toml", settings);
  }

  nlohmann::json run(const mpi::Communicator& comm, const Job& job, const Parts& parts) const {
    Progress silent;
    CommandLine line;
    line.command = "run";
    // A file named `stop` in the output folder ends these runs too.
    EXPECT_EQ(run_parts({comm, line, &job, silent, {comm, {.file = stop_file(job)}}}, parts), ExitCode::done);
    comm.barrier();
    std::ifstream in(std::filesystem::path(job.output) / "metrics.json");
    return nlohmann::json::parse(in);
  }
  nlohmann::json run(const Job& job, const Parts& parts = everything) const { return run(comm_, job, parts); }

  /// The error that all ranks meet alike.
  std::string error_of(const Job& job, ExitCode code, const Parts& parts = everything) const {
    try {
      run(job, parts);
    } catch (const mpi::CollectiveError& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  std::string file(const std::string& folder, const std::string& name) const {
    return scratch_ / (folder + "/" + name);
  }

  /// All entries that a store holds, tile by tile.
  template <class Real = float>
  std::vector<Real> entries(const std::string& folder, const std::string& name = "gram.h5") const {
    const mpi::Communicator self = mpi::Communicator::self();
    auto store = io::GramStore::open(self, file(folder, name), hdf5::Access::read);
    EXPECT_TRUE(store.complete());
    std::vector<Real> all;
    for (const io::GramPart part : {io::GramPart::train, io::GramPart::test_train}) {
      const io::GramTiles& tiles = store.tiles(part);
      for (TileIndex row = 0; row < tiles.rows().count(); ++row)
        for (TileIndex col = 0; col < tiles.cols().count(); ++col) {
          if (!tiles.holds(row, col)) continue;
          Matrix<Real> tile(tiles.rows().range(row).size(), tiles.cols().range(col).size());
          const io::StoredTile<Real> stored{row, col, tile.view()};
          EXPECT_TRUE(store.template read_tiles<Real>(part, std::span(&stored, 1)).empty())
              << row << ", " << col;
          all.insert(all.end(), tile.data(), tile.data() + tile.rows() * tile.cols());
        }
    }
    store.close();
    return all;
  }

  /// A result file of a folder is one of this kind, to who looks at it and to who checks it.
  void expect_known(const std::string& folder, const std::string& name, const std::string& kind) const {
    const io::VerifyReport report = io::verify(comm_, file(folder, name));
    EXPECT_TRUE(report.good());
    EXPECT_EQ(report.kind, kind);
    EXPECT_EQ(io::inspect(file(folder, name)).kind, kind);
  }

  /// Copies a file of one folder to another, which is made.
  void copy(const std::string& from, const std::string& to, const std::string& name) const {
    mpi::on_root(comm_, [&] {
      std::filesystem::create_directories(scratch_ / to);
      std::filesystem::copy_file(file(from, name), file(to, name),
                                 std::filesystem::copy_options::overwrite_existing);
    });
  }

  mpi::Communicator comm_ = mpi::Communicator::world();
  TempDir scratch_{comm_};
};

}  // namespace widegram::jobs::test
