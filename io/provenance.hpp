#pragma once

#include <string>

#include "io/hdf5.hpp"

namespace widegram::io {

/// Who made a result: written into every file and into metrics.json.
struct Provenance {
  std::string version;  ///< of the program
  std::string commit;   ///< of its sources, "unknown" where they were not in git when they were built
  std::string compiler;
  std::string host;
  std::string time;  ///< UTC, ISO 8601
  Index ranks = 1;
};

/// Name of the machine that this process runs on.
std::string host_name();

/// "0.1.0"
std::string program_version();
/// 12 digits, with "-changed" where the sources were not what was committed; "unknown" outside git.
std::string program_commit();

/// This process on this host, now.
Provenance current_provenance(int ranks);

/// As attributes of the root group: program_version, program_commit, compiler, host, created, ranks.
void write_provenance(const hdf5::File& file, const Provenance& provenance);

}  // namespace widegram::io
