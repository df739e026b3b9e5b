#include "jobs/doctor.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "jobs/launch.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs {
namespace {

const Finding& find(const std::vector<Finding>& findings, const std::string& topic) {
  const auto found = std::ranges::find(findings, topic, &Finding::topic);
  if (found == findings.end()) throw std::runtime_error("no finding on " + topic);
  return *found;
}

TEST(Doctor, LooksAtEverythingAndLeavesNothingBehind) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  const std::vector<Finding> findings = examine(comm, folder / "out");
  for (const char* topic :
       {"ranks", "cores", "BLAS", "threads", "vectors", "libraries", "output", "HDF5", "memory", "data"})
    EXPECT_FALSE(find(findings, topic).text.empty()) << topic;
  EXPECT_EQ(find(findings, "ranks").health, Health::ok);
  EXPECT_EQ(find(findings, "HDF5").health, Health::ok) << find(findings, "HDF5").text;
  EXPECT_EQ(verdict(findings), ExitCode::done) << to_text(findings);
  comm.barrier();
  EXPECT_TRUE(std::filesystem::is_empty(folder / "out"));
}

TEST(Doctor, AnUnwritableOutputFailsOnAllRanks) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  if (comm.is_root()) std::ofstream(folder / "file") << "x";
  comm.barrier();
  const std::vector<Finding> findings = examine(comm, folder / "file/out");
  EXPECT_EQ(find(findings, "output").health, Health::fail);
  EXPECT_FALSE(find(findings, "output").mend.empty());
  EXPECT_EQ(verdict(findings), ExitCode::files);
  EXPECT_NE(to_text(findings).find("FAIL  output"), std::string::npos);
}

/// The working folder of this rank for one test.
class WorkingFolder {
 public:
  explicit WorkingFolder(const std::string& folder) { std::filesystem::current_path(folder); }
  ~WorkingFolder() { std::filesystem::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

TEST(Doctor, ARankThatDoesNotSeeTheFolderIsNamed) {
  const mpi::Communicator comm = mpi::Communicator::world();
  if (comm.size() == 1) GTEST_SKIP() << "needs two ranks";
  const test::TempDir here(comm);
  const test::TempDir elsewhere(comm);
  const int blind = comm.size() - 1;
  std::vector<Finding> findings;
  // First a rank without such a folder, then one with a folder of that name of its own.
  for (int i = 0; i < 2; ++i) {
    {
      const WorkingFolder working(comm.rank() == blind ? elsewhere / "" : here / "");
      findings = examine(comm, "out");
    }
    EXPECT_EQ(find(findings, "output").health, Health::fail);
    EXPECT_NE(find(findings, "output").text.find("rank " + std::to_string(blind) + " does not see"),
              std::string::npos);
    EXPECT_EQ(verdict(findings), ExitCode::files);
    if (comm.is_root()) std::filesystem::create_directory(elsewhere / "out");
    comm.barrier();
  }
}

/// Sets variables for one test; the launcher's own are put back.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = getenv(name)) old_ = old;
    if (value)
      setenv(name, value, 1);
    else
      unsetenv(name);
  }
  ~Environment() {
    if (old_)
      setenv(name_, old_->c_str(), 1);
    else
      unsetenv(name_);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(Launch, RanksThatHaveNotJoinedAreFound) {
  const Environment no_mpirun("OMPI_COMM_WORLD_SIZE", nullptr);
  const Environment no_pmi("PMI_SIZE", nullptr);
  const Environment no_step("SLURM_STEP_NUM_TASKS", nullptr);
  const Environment tasks("SLURM_NTASKS", "4");
  EXPECT_NE(launch_problem(1).find("started 4 ranks"), std::string::npos);
  EXPECT_NE(launch_problem(1).find("srun --mpi=pmix"), std::string::npos);
  EXPECT_EQ(launch_problem(4), "");
  EXPECT_EQ(launch_problem(8), "") << "a world of more ranks than this launcher counts has joined";
  const Environment mpirun("OMPI_COMM_WORLD_SIZE", "1");
  EXPECT_EQ(launch_problem(1), "");
}

TEST(Launch, NoLauncherIsNoProblem) {
  const Environment no_mpirun("OMPI_COMM_WORLD_SIZE", nullptr);
  const Environment no_pmi("PMI_SIZE", nullptr);
  const Environment no_step("SLURM_STEP_NUM_TASKS", nullptr);
  const Environment tasks("SLURM_NTASKS", nullptr);
  EXPECT_EQ(launch_problem(1), "");
}

}  // namespace
}  // namespace widegram::jobs
