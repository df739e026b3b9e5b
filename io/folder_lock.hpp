#pragma once

#include <string>

#include "io/hdf5_staging.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// Keeps a folder of results for one run at a time. The lock is the operating system's own (byte ranges of
/// FOLDER/.lock, one for each rank), so it is gone with the last rank of a run, however that one ends; the
/// text in the file only says who holds it. A link in the file's place is refused: it would have another file
/// written to.
class FolderLock {
 public:
  /// Collective. Throws CollectiveError(files) naming the run that holds the folder. The folder exists.
  FolderLock(const mpi::Communicator& comm, const std::string& folder);
  /// Local.
  ~FolderLock();
  FolderLock(FolderLock&&) = default;
  FolderLock& operator=(FolderLock&&) = delete;

  /// What is worth telling, the same on every rank: that an earlier run ended without a word, or that this
  /// file system has no locks; else empty.
  const std::string& remark() const { return remark_; }

 private:
  hdf5::Descriptor file_;
  bool wrote_ = false;
  std::string remark_;
};

}  // namespace widegram::io
