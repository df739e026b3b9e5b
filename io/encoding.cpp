#include "io/encoding.hpp"

namespace widegram::io {

Matrix<double> encode(const DataSet& set, Encoding encoding) {
  if (set.target_kind == TargetKind::values) return set.values;
  const double offset = encoding == Encoding::centered ? 1.0 / static_cast<double>(set.outputs) : 0.0;
  Matrix<double> targets(set.outputs, set.local.size());
  for (Index j = 0; j < targets.cols(); ++j)
    for (Index k = 0; k < targets.rows(); ++k)
      targets(k, j) = (set.classes[static_cast<std::size_t>(j)] == k ? 1.0 : 0.0) - offset;
  return targets;
}

}  // namespace widegram::io
