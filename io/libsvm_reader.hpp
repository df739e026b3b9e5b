#pragma once

#include <optional>

#include "io/data_reader.hpp"
#include "io/line_reader.hpp"
#include "io/text_labels.hpp"
#include "src/base/error.hpp"

namespace widegram::io {

/// LIBSVM's sparse text: a line a sample, "label index:value index:value ...", indices from 1 and ascending,
/// # begins a comment, a qid is skipped. Plain or .gz. Samples become dense vectors. The file is gone through
/// twice.
/// Source: C.-C. Chang, C.-J. Lin, LIBSVM, README "Installation and data format".
class LibsvmReader final : public DataReader {
 public:
  /// `features`: how many there are; 0: the largest index of the file. `known`: the targets of the training
  /// set.
  LibsvmReader(const std::string& path, Index features, Targets targets, std::optional<KnownTargets> known);

  bool seeks() const override { return false; }
  void read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) override;

 private:
  /// The label's text of the next sample; the rest stays in rest_. Nothing behind the last sample.
  std::optional<std::string_view> next_label();
  /// Takes the next "index:value" from rest_; false behind the last one.
  bool next_entry(Index& index, double& value);
  Error bad_line(const std::string& what) const;

  LineReader lines_;
  Index features_ = 0;
  TextLabels labels_;
  std::string line_;
  std::string_view rest_;
  Index last_index_ = 0;
  Index next_ = 0;
};

}  // namespace widegram::io
