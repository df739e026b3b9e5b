#pragma once

#include <cstdint>
#include <vector>

#include "io/data_set.hpp"

namespace widegram::io {

/// Checksums that recognise a (prepared) data set, the same on any number of ranks. A checksum a sample, so
/// that a file made for the first n samples is recognised by a longer set.
struct DataFingerprint {
  std::vector<std::uint64_t> inputs;   ///< a local sample's shape and features
  std::vector<std::uint64_t> targets;  ///< a local sample's class or values
  std::uint64_t all_inputs = 0;        ///< over all samples in global order
  std::uint64_t all_targets = 0;
};

/// Collective over comm, over which `set` is spread. No checksum is 0.
DataFingerprint fingerprint(const mpi::Communicator& comm, const DataSet& set);

}  // namespace widegram::io
