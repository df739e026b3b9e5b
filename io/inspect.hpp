#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::io {

/// What a file holds, how complete it is and who wrote it.
struct FileReport {
  struct DatasetEntry {
    std::string name;  ///< "/train"
    std::vector<Index> shape;
    std::string type;  ///< "float32", "int64", ...
  };
  /// How many tiles of one matrix are there.
  struct TileEntry {
    std::string name;
    Index done = 0;
    Index all = 0;
    std::string checksum;  ///< of all tiles' checksums: equal where the entries are, bit by bit
  };
  using Value = std::variant<std::string, Index, double>;

  std::string path;
  std::string kind;         ///< "gram", "model", "predictions"; "hdf5" for any other HDF5 file
  Index bytes = 0;          ///< size by name
  Index bytes_on_disk = 0;  ///< blocks in use: less where the file has holes
  bool complete = true;
  std::vector<TileEntry> tiles;
  std::vector<DatasetEntry> datasets;
  std::vector<std::pair<std::string, Value>>
      attributes;  ///< of the root group, by name: kernel, host, created, ...

  std::string text() const;
  std::string json() const;
};

/// This process alone. Throws Error(files): missing, not HDF5, cut short, or a result file with a damaged
/// structure (entries are not looked at: that is verify()'s job).
FileReport inspect(const std::string& path);

}  // namespace widegram::io
