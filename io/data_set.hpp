#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/data_reader.hpp"
#include "io/data_spec.hpp"
#include "src/base/matrix.hpp"
#include "src/base/sample_shape.hpp"
#include "src/dist/partition.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// Samples spread over the ranks of a communicator: each rank holds the contiguous range that the partition
/// gives it.
struct DataSet {
  std::string source;         ///< as the job wrote it, for messages and metrics
  SampleShape shape;          ///< of each sample
  dist::Partition partition;  ///< of the samples over the ranks
  Range local;                ///< this rank's samples
  Matrix<double> inputs;      ///< features x local samples

  TargetKind target_kind = TargetKind::classes;
  /// Columns of the targets: the number of classes, or of values a sample.
  Index outputs = 0;
  std::vector<std::int64_t> classes;     ///< kind classes: a class a local sample, from 0 to outputs - 1
  std::vector<std::string> class_names;  ///< kind classes: a name a class, or nothing where they have none
  Matrix<double> values;                 ///< kind values: outputs x local samples

  std::vector<std::string> feature_names;  ///< a name a feature, or nothing where they have none

  GlobalIndex samples() const { return partition.extent; }
  Index features() const { return shape.features(); }
};

/// Reads a data set. Collective over comm; all ranks throw the same error, or none. What a sample is does not
/// depend on the number of ranks. Formats that seek are read by each rank for itself; the others by rank 0,
/// which unpacks piece after piece of at most 8 MiB or one sample and sends each to its owner. So no rank
/// ever holds more than its own samples.
///
/// Inputs stored as unsigned bytes are divided by 255, digits by 16. Classes are numbers from 0; there are as
/// many as the source names, else one more than the largest in the set. `training`: the training set where
/// this is its test set; it then settles what the targets are, their number, and their names, and
/// check_match() holds.
///
/// Throws Error(data) naming file and place: missing, cut, of another format, without samples, unequal counts
/// of inputs and labels, a number that is not finite, a label that is no class. Error(usage) for an unknown
/// format.
DataSet read_data(const mpi::Communicator& comm, const DataSpec& spec, const DataSet* training = nullptr);

/// Throws Error(data), on every rank alike, where `test` cannot be predicted from `training`: another shape,
/// other feature names, another kind or number of targets. Communicates nothing.
void check_match(const DataSet& training, const DataSet& test);

}  // namespace widegram::io
