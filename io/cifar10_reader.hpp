#pragma once

#include "io/data_reader.hpp"
#include "io/input_file.hpp"

namespace widegram::io {

/// CIFAR-10's binary version: records of a label byte and 3 x 32 x 32 pixels, which are divided by 255.
/// Source: A. Krizhevsky, The CIFAR-10 dataset, "Binary version".
class Cifar10Reader final : public DataReader {
 public:
  /// `source`: a file, several with commas between, or a folder, of which the files data_batch_*.bin are read
  /// in the order of their numbers. Class names come from batches.meta.txt where it lies beside the first
  /// file.
  explicit Cifar10Reader(const std::string& source);

  bool seeks() const override { return true; }
  void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) override;

 private:
  /// One file's part of `samples`, counted within that file.
  static void read_records(InputFile& file, Range records, MatrixView<double> inputs,
                           MatrixView<double> targets);

  std::vector<InputFile> files_;
  /// First sample of each file, and the total behind the last.
  std::vector<Index> starts_{0};
};

/// Whether a folder holds batches of CIFAR-10.
bool is_cifar10_folder(const std::string& path);

}  // namespace widegram::io
