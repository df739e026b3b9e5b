// The example jobs: each says what it shows, parses, and its network fits its data.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "jobs/job_file.hpp"
#include "src/base/sample_shape.hpp"
#include "src/kernels/shapes.hpp"

namespace widegram::jobs {
namespace {

SampleShape shape_of(const std::string& source) {
  if (source.starts_with("digits")) return {1, 8, 8};
  if (source.starts_with("fashion-mnist")) return {1, 28, 28};
  if (source.starts_with("cifar-10")) return {3, 32, 32};
  return {3, 1, 1};
}

TEST(Examples, AreJobsWithACommentEach) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(WIDEGRAM_SOURCE_DIR "/jobs/examples")) {
    if (entry.path().extension() != ".toml") continue;
    SCOPED_TRACE(entry.path().string());
    ++count;
    std::ifstream in(entry.path());
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    EXPECT_TRUE(text.starts_with("# "));
    const Job job = parse_job(text, entry.path().string());
    EXPECT_FALSE(job.data.test.empty());
    EXPECT_TRUE(job.output.starts_with("runs/"));
    if (job.dkm.given) continue;  // needs no network
    EXPECT_FALSE(kernels::check_shapes(job.kernel.network, shape_of(job.data.train)).empty());
  }
  EXPECT_GE(count, 7);
}

}  // namespace
}  // namespace widegram::jobs
