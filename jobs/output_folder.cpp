#include "jobs/output_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "jobs/job_file.hpp"
#include "src/base/error.hpp"
#include "src/base/new_file.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, int reason) {
  throw Error(ExitCode::files,
              fmt::format("{}: cannot write: {}; free space, mend its permissions, or choose another output",
                          path.string(), std::strerror(reason)));
}

/// Returns 0 or the reason of the failure.
int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

}  // namespace

void write_text_file(const std::filesystem::path& path, const std::string& text) {
  const std::string temporary = path.string() + ".part";
  const int file = open_new_file(temporary.c_str());
  if (file < 0) refuse(path, errno);
  int reason = write_all(file, text);
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason == 0) return;
  ::unlink(temporary.c_str());
  refuse(path, reason);
}

std::string in_output(const Job& job, const std::string& name) {
  return (std::filesystem::path(job.output) / name).string();
}

std::string stop_file(const Job& job) { return in_output(job, "stop"); }

void make_output_folder(const mpi::Communicator& comm, const Job& job) {
  mpi::on_root(comm, [&] {
    std::error_code reason;
    std::filesystem::create_directories(job.output, reason);
    if (reason)
      throw Error(ExitCode::files,
                  fmt::format("{}: cannot make this output folder: {}; choose another with output = ... or "
                              "--set output=FOLDER",
                              job.output, reason.message()));
  });
}

void claim_output_folder(const mpi::Communicator& comm, const Job& job) {
  mpi::on_root(comm, [&] {
    const std::filesystem::path folder = job.output;
    write_text_file(folder / "job.toml", to_toml(job));
    const std::filesystem::path metrics = folder / "metrics.json";
    if (::unlink(metrics.c_str()) != 0 && errno != ENOENT) refuse(metrics, errno);
  });
}

}  // namespace widegram::jobs
