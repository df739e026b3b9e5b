#pragma once

#include <string>

#include "src/base/error.hpp"
#include "src/base/index.hpp"
#include "src/mpi/communicator.hpp"

/// Looks at a file of results before a library opens it.
namespace widegram::io {

/// Throws the Error(code) where the path names no regular file, or none at all. Opening a FIFO would wait
/// for ever for somebody at its other end.
void require_regular_file(const std::string& path, ExitCode code = ExitCode::files);

/// The same for a file that is about to be replaced or made: that there is nothing yet is right too. A link
/// to nowhere is refused, since the file would not come to lie where the user has pointed it.
void require_place_for_file(const std::string& path);

/// Collective. All ranks see the regular file that the root sees, at its size; all throw Error(files) else.
/// To be asked before MPI-IO opens a file: there a rank that does not find it leaves the others waiting.
void require_shared_file(const mpi::Communicator& comm, const std::string& path);

/// Throws Error(files) where this process may not write files of so many bytes (ulimit -f).
void require_file_size_allowed(const std::string& path, Index bytes);

}  // namespace widegram::io
