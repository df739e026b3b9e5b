#pragma once

#include "io/data_spec.hpp"
#include "src/base/sample_shape.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// What a source says of its samples without reading them.
struct DataOutline {
  SampleShape shape;
  GlobalIndex samples = 0;  ///< in the slice
};

/// Collective: the root looks. Errors are those of read_data() that show in a header or a size.
DataOutline outline_data(const mpi::Communicator& comm, const DataSpec& spec);

}  // namespace widegram::io
