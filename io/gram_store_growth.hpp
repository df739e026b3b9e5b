#pragma once

#include <string>

#include "io/gram_store.hpp"

namespace widegram::io {

/// Collective. Puts a store for more samples in the place of the one at `path`, which grows_into() `header`,
/// with all tiles that are the same in both; those at the old edge, which were cut off there, are to be
/// computed again as a whole. Returns it open for writing. The new store is made beside the old one and takes
/// its name at the end: a kill or a full disk on the way leaves the old one as it was. Cost: one copy of the
/// file. Throws Error(files).
GramStore grow_store(const mpi::Communicator& comm, const std::string& path, const GramHeader& header);

}  // namespace widegram::io
