#include "jobs/memory.hpp"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace widegram::jobs {
namespace {

/// The number of a file that holds one; nothing for "max" or where there is no such file.
std::optional<Index> number_in(const std::filesystem::path& path) {
  std::ifstream in(path);
  Index value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

/// This process's control group, below `root`: the line "0::/path" (version 2) or "5:memory:/path" (version
/// 1).
std::filesystem::path group_folder(const std::string& controller, const std::filesystem::path& root) {
  std::ifstream in("/proc/self/cgroup");
  for (std::string line; std::getline(in, line);)
    if (const std::size_t at = line.find(":" + controller + ":/"); at != std::string::npos)
      return root / line.substr(at + controller.size() + 3);
  return root;
}

/// Least limit of the group and of those around it.
std::optional<Index> group_limit(std::filesystem::path folder, const std::filesystem::path& root,
                                 const char* file) {
  std::optional<Index> least;
  for (;; folder = folder.parent_path()) {
    if (const auto limit = number_in(folder / file)) least = std::min(*limit, least.value_or(*limit));
    if (folder == root || folder == folder.parent_path()) return least;
  }
}

}  // namespace

void return_freed_memory() {
  constexpr int large = 1 << 20;
  constexpr int most_large_blocks = 1 << 16;
  mallopt(M_MMAP_MAX, most_large_blocks);
  mallopt(M_MMAP_THRESHOLD, large);
  mallopt(M_TRIM_THRESHOLD, large);
}

Index peak_rss_bytes() {
  // The kernel's mark of this program alone: getrusage() would add that of whatever started it.
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<Index>(usage.ru_maxrss) * 1024;
}

Index node_memory_bytes() {
  Index bytes = static_cast<Index>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const std::filesystem::path unified = "/sys/fs/cgroup";
  const std::filesystem::path split = "/sys/fs/cgroup/memory";
  if (const auto limit = group_limit(group_folder("", unified), unified, "memory.max"))
    bytes = std::min(bytes, *limit);
  if (const auto limit = group_limit(group_folder("memory", split), split, "memory.limit_in_bytes"))
    bytes = std::min(bytes, *limit);
  return bytes;
}

int ranks_on_node(const mpi::Communicator& comm) {
  MPI_Comm node = MPI_COMM_NULL;
  mpi::check(MPI_Comm_split_type(comm.handle(), MPI_COMM_TYPE_SHARED, comm.rank(), MPI_INFO_NULL, &node));
  int ranks = 0;
  mpi::check(MPI_Comm_size(node, &ranks));
  mpi::check(MPI_Comm_free(&node));
  return ranks;
}

Index memory_share_bytes(const mpi::Communicator& comm) {
  return comm.min(node_memory_bytes() / ranks_on_node(comm));
}

}  // namespace widegram::jobs
