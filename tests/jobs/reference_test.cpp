#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "jobs/job_file.hpp"

namespace widegram::jobs {
namespace {

TEST(Reference, ThePageInTheTreeIsWhatTheProgramPrints) {
  std::ifstream in(WIDEGRAM_SOURCE_DIR "/jobs/README.md");
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  EXPECT_EQ(page, job_reference()) << "renew it: build/widegram --help-job > jobs/README.md";
}

}  // namespace
}  // namespace widegram::jobs
