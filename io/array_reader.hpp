#pragma once

#include "io/array_file.hpp"
#include "io/data_reader.hpp"

namespace widegram::io {

/// Inputs in one array file, targets in another: IDX and NPY. Unsigned bytes in the inputs are pixels and are
/// divided by 255. Integer targets, one a sample, are classes.
class ArrayReader final : public DataReader {
 public:
  /// `labels`: a path, or "auto" for the sibling that the usual names suggest
  /// (train-images-idx3-ubyte.gz: train-labels-idx1-ubyte.gz). Inputs: N x D, N x H x W or N x C x H x W.
  static std::unique_ptr<ArrayReader> open_idx(const std::string& inputs, const std::string& labels);
  /// As open_idx (X_train.npy: y_train.npy; inputs.npy: targets.npy); inputs: N x D or N x C x H x W.
  static std::unique_ptr<ArrayReader> open_npy(const std::string& inputs, const std::string& labels);

  ArrayReader(ArrayFile inputs, ArrayFile targets, SampleShape shape,
              std::vector<std::string> class_names = {});

  bool seeks() const override { return !inputs_.compressed() && !targets_.compressed(); }
  void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) override;

 private:
  ArrayFile inputs_;
  ArrayFile targets_;
};

/// N x D or N x C x H x W. Throws Error(data) for other numbers of dimensions: 3 are path data.
SampleShape shape_of_samples(const std::vector<Index>& extents, const std::string& what);

}  // namespace widegram::io
