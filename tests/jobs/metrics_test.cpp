#include "jobs/metrics.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "jobs/job_file.hpp"
#include "jobs/memory.hpp"
#include "jobs/output_folder.hpp"
#include "jobs/report.hpp"
#include "src/mpi/agree.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs {
namespace {

Job job_in(const std::string& folder) {
  return parse_job("data.train = 'digits:train'\ndata.test = 'digits:test'\nkernel.preset = 'dense'\n",
                   "small.toml", std::vector<std::string>{"output=" + folder});
}

TEST(Metrics, HoldsRunMemoryAndSpreads) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  const Job job = job_in(folder / "out/deep");
  make_output_folder(comm, job);
  claim_output_folder(comm, job);
  Metrics metrics(comm, job, "run");
  metrics["gram"]["n"] = 12;
  metrics["gram"]["seconds"] = 0.5;
  metrics["test"]["accuracy"] = 0.97254;
  metrics.spread("gram", "rank_seconds", 1.0 + comm.rank());
  metrics.write();
  comm.barrier();

  std::ifstream in(folder / "out/deep/metrics.json");
  const nlohmann::json read = nlohmann::json::parse(in);
  EXPECT_EQ(read.at("name"), "small");
  EXPECT_EQ(read.at("command"), "run");
  EXPECT_EQ(read.at("ranks"), comm.size());
  EXPECT_EQ(read.at("gram").at("n"), 12);
  EXPECT_EQ(read.at("gram").at("rank_seconds").at("min"), 1.0);
  EXPECT_EQ(read.at("gram").at("rank_seconds").at("max"), comm.size());
  EXPECT_GT(read.at("memory").at("peak_rss_bytes_max"), 1 << 20);
  EXPECT_GE(read.at("memory").at("peak_rss_bytes_sum"), read.at("memory").at("peak_rss_bytes_max"));
  EXPECT_FALSE(read.at("version").get<std::string>().empty());
  EXPECT_FALSE(read.at("commit").get<std::string>().empty());
  EXPECT_EQ(parse_job(to_toml(job), "x.toml").output, read_job(comm, folder / "out/deep/job.toml").output);

  const std::string table = report({folder / "out/deep"}).text;
  EXPECT_NE(table.find("digits:train"), std::string::npos);
  EXPECT_NE(table.find("dense ntk float32"), std::string::npos);
  EXPECT_NE(table.find("97.25 %"), std::string::npos);
  EXPECT_NE(table.find("job.toml ("), std::string::npos);

  // One that cannot be read does not keep the others from being shown.
  const Report some = report({folder / "nowhere", folder / "out/deep"});
  EXPECT_EQ(some.text, table);
  ASSERT_EQ(some.unread.size(), 1U);
  EXPECT_NE(some.unread.front().find("nowhere: holds no metrics.json"), std::string::npos);
}

TEST(Metrics, NoHalfFileStaysBehind) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) {
    write_text_file(folder / "a.txt", "first");
    write_text_file(folder / "a.txt", "second");
    std::string text;
    std::ifstream(folder / "a.txt") >> text;
    EXPECT_EQ(text, "second");
    EXPECT_FALSE(std::filesystem::exists(folder / "a.txt.part"));
    EXPECT_THROW(write_text_file(folder / "missing/a.txt", "x"), Error);
  }
}

TEST(Metrics, AFolderThatCannotBeMadeStopsAllRanks) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) std::ofstream(folder / "file") << "x";
  comm.barrier();
  try {
    make_output_folder(comm, job_in(folder / "file/out"));
    FAIL();
  } catch (const mpi::CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::files);
    EXPECT_NE(std::string(error.what()).find("file/out"), std::string::npos);
  }
}

TEST(Report, RefusesFoldersWithoutMetrics) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  const auto refused = [&](const std::string& why) {
    const Report none = report({folder / ""});
    EXPECT_EQ(none.text, "");
    ASSERT_EQ(none.unread.size(), 1U);
    EXPECT_NE(none.unread.front().find(why), std::string::npos) << none.unread.front();
    EXPECT_THROW(print_report({folder / ""}), Error);
  };
  refused("holds no metrics.json");
  comm.barrier();
  if (comm.is_root()) std::ofstream(folder / "metrics.json") << "{ \"name\": ";
  comm.barrier();
  refused("is damaged");
}

TEST(Memory, SharesOfTheMachineMakeSense) {
  const mpi::Communicator comm = mpi::Communicator::world();
  EXPECT_GE(ranks_on_node(comm), 1);
  EXPECT_LE(ranks_on_node(comm), comm.size());
  EXPECT_GT(peak_rss_bytes(), 1 << 20);
  EXPECT_LT(peak_rss_bytes(), node_memory_bytes());
  EXPECT_LE(memory_share_bytes(comm) * ranks_on_node(comm), node_memory_bytes());
}

}  // namespace
}  // namespace widegram::jobs
