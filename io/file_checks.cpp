#include "io/file_checks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "io/hdf5_error.hpp"
#include "io/provenance.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::io {

namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

void require_regular(const std::string& path, mode_t mode, ExitCode code) {
  if (S_ISDIR(mode)) throw hdf5::system_error({path, code}, EISDIR);
  if (!S_ISREG(mode))
    throw Error(
        code, fmt::format("{} is {} and no regular file: remove it or choose another", path, kind_of(mode)));
}

constexpr Index not_there = -1;

/// Size of the file as this rank sees it, or not_there. Opened, and not just asked for: a network file system
/// only then asks its server again.
Index size_here(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    require_regular(path, status.st_mode, ExitCode::files);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
      const int code = ::fstat(descriptor, &status);
      ::close(descriptor);
      if (code == 0) return static_cast<Index>(status.st_size);
    }
  }
  if (errno == ENOENT || errno == ENOTDIR) return not_there;
  throw hdf5::system_error({path}, errno);
}

}  // namespace

void require_regular_file(const std::string& path, ExitCode code) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw hdf5::system_error({path, code}, errno);
  require_regular(path, status.st_mode, code);
}

void require_place_for_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return require_regular(path, status.st_mode, ExitCode::files);
  if (errno == ENOENT && ::lstat(path.c_str(), &status) == 0)
    throw Error(
        ExitCode::files,
        fmt::format("{} is a link to a file that does not exist: remove it or choose another output", path));
  if (errno != ENOENT) throw hdf5::system_error({path}, errno);
}

void require_shared_file(const mpi::Communicator& comm, const std::string& path) {
  const Index here = mpi::collectively(comm, [&] { return size_here(path); });
  const Index at_root = comm.broadcast(here);
  mpi::on_root(comm, [&] {
    if (here == not_there) throw hdf5::system_error({path}, ENOENT);
  });
  mpi::collectively(comm, [&] {
    if (here == at_root) return;
    const std::string what =
        here == not_there ? fmt::format("does not see {}, which rank 0 does", path)
                          : fmt::format("sees {} with {} bytes, which has {} on rank 0", path, here, at_root);
    throw Error(ExitCode::files,
                fmt::format("rank {} ({}) {}: choose an output folder on a file system that all nodes share",
                            comm.rank(), host_name(), what));
  });
}

void require_file_size_allowed(const std::string& path, Index bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < static_cast<rlim_t>(bytes))
    throw hdf5::system_error({path}, EFBIG);
}

}  // namespace widegram::io
