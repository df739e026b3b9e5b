#pragma once

#include <optional>

#include "io/csv_records.hpp"
#include "io/data_reader.hpp"
#include "io/text_labels.hpp"
#include "src/base/error.hpp"

namespace widegram::io {

/// CSV with a header: one or several target columns, all others are features (numbers). Plain or .gz.
/// The file is gone through twice: for its size and what its labels are, then for its numbers.
class CsvReader final : public DataReader {
 public:
  /// `labels`: DataSpec::labels. `known`: what the targets of the training set are, for a test set.
  CsvReader(const std::string& path, const std::string& labels, Targets targets,
            std::optional<KnownTargets> known);

  bool seeks() const override { return false; }
  void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) override;

 private:
  void choose_target_columns(const std::string& labels);
  Error unknown_column(const std::string& text) const;
  void look_through();
  bool next_record();
  bool is_target(std::size_t column) const;
  std::string where(std::size_t column) const;
  void put_record(double* inputs, double* targets) const;

  std::string path_;
  CsvRecords records_;
  std::vector<std::string> names_;
  std::vector<std::size_t> target_columns_;
  TextLabels labels_;
  std::vector<std::string> fields_;
  Index next_ = 0;
};

}  // namespace widegram::io
