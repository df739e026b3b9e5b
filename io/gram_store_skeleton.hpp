#pragma once

#include <string>

#include "io/gram_store_header.hpp"
#include "io/result_file.hpp"

namespace widegram::io {

/// One rank. Makes a sealed gram.h5 without entries under the draft's name of `path`; publish() gives it its
/// own. Every byte of HDF5's structure is written here, all records are 0, the space of all matrices is set
/// aside (a hole in the file, no disk blocks yet). Later writes of entries and records change none of the
/// sealed bytes, so a kill cannot break the structure. Cost: about 60 bytes of structure a tile of the full
/// square. Throws Error(files).
DraftGuard make_gram_draft(const std::string& path, const GramHeader& header, int ranks);

/// Whether every tile is there, by the file's own word: the attribute `complete`.
bool read_complete(const hdf5::File& file);
/// Changes the attribute in place: no other byte of the file moves. Collective where the file is open on all
/// ranks.
void write_complete(const hdf5::File& file, bool complete);

}  // namespace widegram::io
