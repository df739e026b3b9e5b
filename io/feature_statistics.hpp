#pragma once

#include <vector>

#include "src/base/matrix.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// Mean and standard deviation (divisor N) of each feature over all samples. A feature that has the same
/// value in every sample gets exactly that value as its mean and 0 as its deviation: sums alone would leave a
/// deviation of rounding errors.
struct FeatureStatistics {
  std::vector<double> mean;
  std::vector<double> deviation;
};

/// inputs: features x local samples of a data set of `samples` in all, spread in global order.
/// Collective; two walks over the data in global sample order, so the bits do not depend on the number of
/// ranks.
FeatureStatistics feature_statistics(const mpi::Communicator& comm, const Matrix<double>& inputs,
                                     Index samples);

}  // namespace widegram::io
