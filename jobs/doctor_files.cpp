#include "jobs/doctor_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "io/hdf5.hpp"
#include "jobs/units.hpp"
#include "jobs/versions.hpp"
#include "src/base/new_file.hpp"
#include "src/mpi/agree.hpp"

namespace widegram::jobs {
namespace {

/// Reasons why the two ways to lock a file do not work in `folder`; empty where they do. Throws Error(files)
/// where not even a file can be made.
std::string lock_trouble(const std::string& folder) {
  std::error_code reason;
  std::filesystem::create_directories(folder, reason);
  if (reason) throw Error(ExitCode::files, reason.message());
  std::string path = folder + "/.widegram-doctor-XXXXXX";
  const int file = ::mkstemp(path.data());
  if (file < 0) throw Error(ExitCode::files, std::strerror(errno));
  std::string trouble;
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) trouble += fmt::format("flock: {}", std::strerror(errno));
  struct ::flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(file, F_SETLK, &whole) != 0)
    trouble += fmt::format("{}fcntl: {}", trouble.empty() ? "" : ", ", std::strerror(errno));
  ::close(file);
  ::unlink(path.c_str());
  return trouble;
}

/// Path of a file that only this doctor makes: a launch that did not join its ranks runs several at once.
std::string own_file(const mpi::Communicator& comm, const std::string& folder, const char* ending) {
  return fmt::format("{}/.widegram-doctor-{}{}", folder, comm.broadcast(static_cast<int>(getpid())), ending);
}

/// The lowest rank that does not find what the root puts into `folder` (it may have a folder of that name on
/// a disk of its own); comm.size() where all do.
int lowest_blind_rank(const mpi::Communicator& comm, const std::string& folder) {
  const std::string mark = own_file(comm, folder, ".mark");
  mpi::on_root(comm, [&] {
    const int file = open_new_file(mark.c_str());
    if (file < 0) throw Error(ExitCode::files, std::strerror(errno));
    ::close(file);
  });
  const bool sees = ::access(mark.c_str(), F_OK) == 0;
  const int lowest = comm.min(sees ? comm.size() : comm.rank());
  if (comm.is_root()) ::unlink(mark.c_str());
  return lowest;
}

Finding examine_folder(const mpi::Communicator& comm, const std::string& folder) {
  std::string trouble;
  int blind = 0;
  try {
    mpi::on_root(comm, [&] { trouble = lock_trouble(folder); });
    blind = lowest_blind_rank(comm, folder);
  } catch (const mpi::CollectiveError& error) {
    return {Health::fail, "output", fmt::format("{} cannot be written: {}", folder, error.what()),
            "mend its permissions, free space, or choose another output folder", ExitCode::files};
  }
  if (blind < comm.size())
    return {Health::fail, "output",
            fmt::format("rank {} does not see the folder {} of rank 0", blind, folder),
            "name a folder on a file system that all nodes share, and start all ranks in one working folder",
            ExitCode::files};
  trouble = comm.broadcast(trouble);
  // What the root is told counts, whatever the other ranks hear.
  std::error_code unknown;
  const std::filesystem::space_info space = std::filesystem::space(folder, unknown);
  const double free = comm.broadcast(unknown ? 0.0 : static_cast<double>(space.available));
  if (trouble.empty())
    return {Health::ok, "output",
            fmt::format("{} is writable, file locks work, {} free", folder, readable_bytes(free)), ""};
  return {Health::warn, "output", fmt::format("{} is writable, but has no file locks ({})", folder, trouble),
          "export HDF5_USE_FILE_LOCKING=FALSE, and never let two runs share an output folder"};
}

/// Each rank writes its own place of one file and reads its neighbour's.
void try_parallel_file(const mpi::Communicator& comm, const std::string& path) {
  mpi::on_root(comm, [&] {
    hdf5::File file = hdf5::File::create(path);
    hdf5::Dataset::create<std::int64_t>(file, "ranks", {.shape = {comm.size()}});
    file.close();
  });
  hdf5::File file = hdf5::File::open_all(comm, path, hdf5::Access::write);
  std::int64_t seen = -1;
  const std::int64_t mine = comm.rank();
  const int neighbour = (comm.rank() + 1) % comm.size();
  mpi::collectively(comm, [&] {
    hdf5::Dataset(file, "ranks").write<std::int64_t>({{mine}, {1}}, std::span(&mine, 1));
  });
  file.close();
  file = hdf5::File::open_all(comm, path, hdf5::Access::read);
  mpi::collectively(comm, [&] {
    hdf5::Dataset(file, "ranks").read<std::int64_t>({{neighbour}, {1}}, std::span(&seen, 1));
    if (seen != neighbour) throw Error(ExitCode::files, "what one rank wrote, another did not read");
  });
  file.close();
}

Finding examine_hdf5(const mpi::Communicator& comm, const std::string& folder) {
  const std::string path = own_file(comm, folder, ".h5");
  Finding finding{Health::ok, "HDF5",
                  fmt::format("{}, one file written by all ranks", hdf5_library_version()), ""};
  try {
    try_parallel_file(comm, path);
  } catch (const mpi::CollectiveError& error) {
    finding = {Health::fail, "HDF5", fmt::format("a file written by all ranks failed: {}", error.what()),
               "all nodes must see the same output folder; on Lustre try OMPI_MCA_io=ompio, without locks "
               "HDF5_USE_FILE_LOCKING=FALSE",
               ExitCode::files};
  }
  if (comm.is_root()) ::unlink(path.c_str());
  if (finding.health == Health::ok && hdf5_library_version() != hdf5_header_version())
    return {Health::warn, "HDF5",
            fmt::format("library {} is not the {} that widegram was built with", hdf5_library_version(),
                        hdf5_header_version()),
            "build again, or put the other library first in LD_LIBRARY_PATH"};
  return finding;
}

}  // namespace

std::vector<Finding> examine_files(const mpi::Communicator& comm, const std::string& folder) {
  std::vector<Finding> findings{examine_folder(comm, folder)};
  if (findings.front().health != Health::fail) findings.push_back(examine_hdf5(comm, folder));
  return findings;
}

}  // namespace widegram::jobs
