#pragma once

#include "io/data_set.hpp"

namespace widegram::io {

/// How classes become numbers: one-hot minus 1/K, so that the columns' mean is 0 for equally frequent
/// classes, or one-hot.
enum class Encoding { centered, one_hot };

/// The targets of a regression: outputs x local samples. Values are taken as they are. Communicates nothing.
Matrix<double> encode(const DataSet& set, Encoding encoding = Encoding::centered);

}  // namespace widegram::io
