// The parser of job files: what it takes, it writes out as a job that means the same.
#include <stdexcept>
#include <string>

#include "jobs/job_file.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace widegram;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::may_be_refused({ExitCode::usage}, [&] {
    const std::string written = jobs::to_toml(jobs::parse_job(text, "job.toml"));
    const std::string again = jobs::to_toml(jobs::parse_job(written, "job.toml"));
    if (written != again) throw std::logic_error("a job changes as it is written out:\n" + written + again);
  });
  return 0;
}
