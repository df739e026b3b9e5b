#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/base/index.hpp"
#include "src/base/matrix_view.hpp"
#include "src/base/sample_shape.hpp"

namespace widegram::io {

enum class TargetKind { classes, values };

/// A class more costs a column of targets: a larger number is an identifier, not a class.
inline constexpr Index largest_class = 65535;

/// What a source says about itself before its samples are read.
struct DataHeader {
  SampleShape shape;
  Index samples = 0;
  Index target_columns = 1;
  /// What the targets are unless the job says otherwise.
  TargetKind natural_targets = TargetKind::classes;
  /// Names of the classes, by number, where the source has them.
  std::vector<std::string> class_names;
  /// Names of the features where the source has them (csv).
  std::vector<std::string> feature_names;
  /// The file that holds the targets, for messages.
  std::string target_source;
  friend bool operator==(const DataHeader&, const DataHeader&) = default;
};

/// One source of samples, read by one rank for itself: a class a format. Never communicates.
/// Errors are Error(data) naming the file and the place in it.
class DataReader {
 public:
  DataReader() = default;
  DataReader(const DataReader&) = delete;
  DataReader& operator=(const DataReader&) = delete;
  virtual ~DataReader() = default;

  const DataHeader& header() const { return header_; }
  /// Any range is cheap to read, so that each rank reads its own. Otherwise one rank reads ranges in
  /// ascending order.
  virtual bool seeks() const = 0;
  /// inputs: features x samples.size(), targets: target columns x samples.size(); classes come as their
  /// numbers.
  virtual void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) = 0;

 protected:
  DataHeader header_;
};

}  // namespace widegram::io
