#pragma once

#include <optional>

#include "io/data_reader.hpp"
#include "io/data_source.hpp"
#include "src/base/matrix.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// What one rank has of a source.
struct LocalSamples {
  DataHeader header;
  Range slice;  ///< of the source's samples
  dist::Partition partition;
  Matrix<double> inputs;   ///< features x local samples
  Matrix<double> targets;  ///< target columns x local samples
};

/// Opens, cuts the slice and fills each rank's part. Collective; all ranks throw, or none.
LocalSamples read_distributed(const mpi::Communicator& comm, const DataSpec& spec,
                              const std::optional<KnownTargets>& known);

}  // namespace widegram::io
