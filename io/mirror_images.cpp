#include "io/mirror_images.hpp"

#include <algorithm>
#include <utility>

namespace widegram::io {
namespace {

/// Every column twice.
Matrix<double> doubled(const Matrix<double>& columns) {
  Matrix<double> twice(columns.rows(), 2 * columns.cols());
  for (Index j = 0; j < twice.cols(); ++j)
    std::copy_n(columns.column(j / 2), columns.rows(), twice.column(j));
  return twice;
}

}  // namespace

void add_mirror_images(DataSet& set) {
  set.inputs = doubled(set.inputs);
  for (Index j = 1; j < set.inputs.cols(); j += 2) {
    double* image = set.inputs.column(j);
    for (double* row = image; row != image + set.features(); row += set.shape.width)
      std::reverse(row, row + set.shape.width);
  }
  if (set.target_kind == TargetKind::values) set.values = doubled(set.values);
  std::vector<std::int64_t> classes;
  for (const std::int64_t k : set.classes) classes.insert(classes.end(), 2, k);
  set.classes = std::move(classes);

  // The same ranges: an image stays where it is.
  set.partition.extent *= 2;
  set.partition.granule *= 2;
  set.local = {2 * set.local.begin, 2 * set.local.end};
}

}  // namespace widegram::io
