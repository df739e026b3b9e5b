#include "jobs/petsc_options.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "src/mpi/agree.hpp"
#include "tests/support/temp_dir.hpp"

namespace widegram::jobs {
namespace {

std::string refused(const std::vector<std::string>& words, ExitCode code) {
  try {
    check_petsc_words(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "";
}

TEST(PetscOptions, WordsOfTheJobComeBeforeThoseOfTheCommandLine) {
  Job job;
  job.petsc = {{"ksp_monitor", ""}, {"ksp_rtol", "1e-3"}};
  CommandLine line;
  line.petsc = {"-ksp_rtol", "1e-5"};
  EXPECT_EQ(petsc_words(&job, line),
            (std::vector<std::string>{"-ksp_monitor", "-ksp_rtol", "1e-3", "-ksp_rtol", "1e-5"}));
  EXPECT_EQ(petsc_words(nullptr, line), line.petsc);
}

TEST(PetscOptions, AForgottenDashIsNamed) {
  EXPECT_EQ(refused({"-ksp_monitor", "-ksp_rtol", "1e-3", "-shift", "-5"}, ExitCode::usage), "");
  EXPECT_NE(refused({"ksp_view"}, ExitCode::usage).find("'ksp_view'"), std::string::npos);
  EXPECT_NE(refused({"-ksp_rtol", "1e-3", "ksp_view"}, ExitCode::usage).find("'ksp_view'"),
            std::string::npos);
}

TEST(PetscOptions, FilesThatCannotBeOpenedAreNamed) {
  const mpi::Communicator comm = mpi::Communicator::world();
  const test::TempDir folder(comm);
  mpi::on_root(comm, [&] {
    EXPECT_EQ(refused({"-log_view", fmt::format(":{}", folder / "petsc.log")}, ExitCode::files), "");
    EXPECT_EQ(refused({"-ksp_view", fmt::format("ascii:{}:ascii_info", folder / "view")}, ExitCode::files),
              "");
    EXPECT_EQ(refused({"-log_view"}, ExitCode::files), "");
    EXPECT_NE(refused({"-log_view", fmt::format(":{}", folder / "none/petsc.log")}, ExitCode::files)
                  .find("-log_view"),
              std::string::npos);
    EXPECT_NE(refused({"-options_file", folder / "none"}, ExitCode::files).find("No such file"),
              std::string::npos);
  });
}

}  // namespace
}  // namespace widegram::jobs
