#pragma once

#include <string>
#include <vector>

#include "src/base/index.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// What a check of every checksum of a file has found.
struct VerifyReport {
  std::string path;
  std::string kind;   ///< "gram", "model", "predictions"
  Index checked = 0;  ///< tiles and other parts that were read and compared
  std::vector<std::string>
      damaged;        ///< "tile (12, 3) of /train: rows 768-831, columns 192-255", "is cut short: ..."
  Index missing = 0;  ///< tiles that were never written: no damage in a Gram that is not complete

  bool good() const { return damaged.empty(); }
  std::string text() const;
};

/// Collective; the same report on all ranks. The structure is checked before HDF5 sees it. The tiles of a
/// Gram are read by all ranks, each its share; squares above the diagonal must be zero. Reads the whole file
/// once. Needs memory for one tile and all records a rank. Throws Error(files) where the file cannot be read
/// or is no result file of widegram.
VerifyReport verify(const mpi::Communicator& comm, const std::string& path);

}  // namespace widegram::io
