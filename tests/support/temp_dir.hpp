#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "src/mpi/communicator.hpp"

namespace widegram::test {

/// A fresh folder that all ranks see, removed at the end. Making and removing it are collective.
class TempDir {
 public:
  explicit TempDir(const mpi::Communicator& comm) : comm_(comm) {
    std::string path = (std::filesystem::temp_directory_path() / "widegram-test-XXXXXX").string();
    if (comm.is_root() && !mkdtemp(path.data())) throw std::runtime_error("no temporary folder");
    path_ = comm.broadcast(path);
  }
  ~TempDir() {
    comm_.barrier();
    std::error_code ignored;
    if (comm_.is_root()) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  const mpi::Communicator& comm_;
  std::filesystem::path path_;
};

}  // namespace widegram::test
