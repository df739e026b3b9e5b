#pragma once

#include <string>
#include <vector>

#include "io/input_file.hpp"

namespace widegram::io {

/// Lines of a text file, plain or compressed, without their ends (LF or CR LF) and without a byte order mark.
class LineReader {
 public:
  explicit LineReader(const std::string& path);

  /// The next line into `line`; false behind the last one.
  bool next(std::string& line);
  /// Number of the line that came last, 1 the first.
  Index line_number() const { return line_number_; }
  const std::string& path() const { return file_.path(); }

 private:
  bool refill();

  InputFile file_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Index line_number_ = 0;
};

}  // namespace widegram::io
