#include "io/folder_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "io/file_checks.hpp"
#include "io/hdf5_error.hpp"
#include "io/provenance.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

enum class Locking { held, taken, unknown };

/// Locks bytes of the file for writing until it is closed, or unlocks them. Locks of open files, not of
/// processes: another close() of the same path in this process does not lose them.
Locking set_lock(int file, short type, Range bytes) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = bytes.begin;
  range.l_len = bytes.size();
  if (::fcntl(file, F_OFD_SETLK, &range) == 0) return Locking::held;
  return errno == EAGAIN || errno == EACCES ? Locking::taken : Locking::unknown;
}

constexpr Range all_bytes{0, Index{1} << 40};

std::string read_text(int file) {
  std::array<char, 512> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  std::string words(text.data(), static_cast<std::size_t>(got > 0 ? got : 0));
  // Whatever is in there, it goes to a terminal.
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return words;
}

std::string this_run(int ranks) {
  const Provenance run = current_provenance(ranks);
  const char* job = std::getenv("SLURM_JOB_ID");
  return fmt::format("process {} on {}, {} rank{}{}, since {}", ::getpid(), run.host, ranks,
                     ranks == 1 ? "" : "s", job != nullptr ? fmt::format(", Slurm job {}", job) : "",
                     run.time);
}

hdf5::Descriptor open_lock(const std::string& path) {
  hdf5::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
  struct stat status {};
  const bool there = ::lstat(path.c_str(), &status) == 0;
  if (there && !S_ISREG(status.st_mode))
    throw Error(ExitCode::files,
                fmt::format("{} is {}, and no lock of widegram: remove it, or choose another output", path,
                            S_ISLNK(status.st_mode)   ? "a link"
                            : S_ISDIR(status.st_mode) ? "a folder"
                                                      : "no plain file"));
  if (file.id() < 0) throw hdf5::system_error({path}, errno);
  return file;
}

}  // namespace

FolderLock::FolderLock(const mpi::Communicator& comm, const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / ".lock").string();
  // First the root, which asks for all bytes: where any rank of another run is alive, it gets none.
  mpi::on_root(comm, [&] {
    file_ = open_lock(path);
    const Locking locking = set_lock(file_.id(), F_WRLCK, all_bytes);
    const std::string before = read_text(file_.id());
    if (locking == Locking::taken)
      throw Error(
          ExitCode::files,
          fmt::format(
              "{}: another run is at work in this folder ({}): wait for its end, stop it, or choose another "
              "output",
              folder, before.empty() ? "it has just begun" : before));
    if (locking == Locking::unknown)
      remark_ = fmt::format("{}: this file system has no locks: see to it that no other run uses this folder",
                            folder);
    else if (!before.empty())
      remark_ = fmt::format("{}: an earlier run ended without a word ({}); its work goes on", folder, before);
    const std::string text = this_run(comm.size());
    if (::ftruncate(file_.id(), 0) != 0 ||
        ::pwrite(file_.id(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
      throw hdf5::system_error({path}, errno);
    wrote_ = true;
    set_lock(file_.id(), F_UNLCK, {1, all_bytes.end});
  });
  remark_ = comm.broadcast(remark_);
  require_shared_file(comm, path);
  mpi::collectively(comm, [&] {
    if (comm.is_root()) return;
    file_ = open_lock(path);
    set_lock(file_.id(), F_WRLCK, {comm.rank(), comm.rank() + Index{1}});
  });
}

FolderLock::~FolderLock() {
  // A run that ends as it should leaves no word behind. Where this fails, the next run says so.
  if (wrote_ && file_.id() >= 0) [[maybe_unused]]
    const int result = ::ftruncate(file_.id(), 0);
}

}  // namespace widegram::io
