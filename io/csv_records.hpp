#pragma once

#include <string>
#include <vector>

#include "io/line_reader.hpp"

namespace widegram::io {

/// Records of a CSV file, RFC 4180: fields in double quotes may hold delimiters, line ends and doubled
/// quotes; blank lines are skipped. Blanks around a field that is not quoted are dropped. The delimiter is
/// the first of , ; and tab that the first line has.
class CsvRecords {
 public:
  explicit CsvRecords(const std::string& path) : lines_(path) {}

  /// False behind the last record. Throws Error(data), naming the line, for a quote that never closes.
  bool next(std::vector<std::string>& fields);
  /// Where the record that came last begins.
  Index line_number() const { return first_line_; }

 private:
  void split(std::vector<std::string>& fields);
  void take_quoted(std::size_t& at, std::string& field);

  LineReader lines_;
  std::string line_;
  char delimiter_ = '\0';
  Index first_line_ = 0;
};

}  // namespace widegram::io
