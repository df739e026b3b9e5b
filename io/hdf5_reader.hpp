#pragma once

#include "io/data_reader.hpp"
#include "io/hdf5.hpp"

namespace widegram::io {

/// HDF5 with /inputs (N x D or N x C x H x W) and /targets (N integers: classes; N or N x K numbers: values).
/// Unsigned bytes in /inputs are pixels and are divided by 255. Each rank opens the file for itself: reading
/// needs no MPI-IO, and a rank that cannot open it then fails alone instead of holding up the others.
class Hdf5Reader final : public DataReader {
 public:
  explicit Hdf5Reader(const std::string& path);

  bool seeks() const override { return true; }
  void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) override;

 private:
  hdf5::File file_;
  hdf5::Dataset inputs_;
  hdf5::Dataset targets_;
};

}  // namespace widegram::io
