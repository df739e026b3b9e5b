#include "io/csv_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "src/base/error.hpp"

namespace widegram::io {
namespace {

constexpr char blanks[] = " ";

char delimiter_of(std::string_view header) {
  for (const char candidate : {',', ';', '\t'})
    if (header.find(candidate) != std::string_view::npos) return candidate;
  return ',';
}

}  // namespace

bool CsvRecords::next(std::vector<std::string>& fields) {
  do {
    if (!lines_.next(line_)) return false;
  } while (line_.find_first_not_of(blanks) == std::string::npos);
  first_line_ = lines_.line_number();
  if (delimiter_ == '\0') delimiter_ = delimiter_of(line_);
  split(fields);
  return true;
}

void CsvRecords::split(std::vector<std::string>& fields) {
  std::size_t count = 0;
  for (std::size_t at = 0;; ++at) {
    // The strings keep their memory from record to record.
    if (count == fields.size()) fields.emplace_back();
    std::string& field = fields[count++];
    field.clear();
    while (at < line_.size() && line_[at] == ' ') ++at;
    if (at < line_.size() && line_[at] == '"') {
      take_quoted(at, field);
    } else {
      const std::size_t end = std::min(line_.find(delimiter_, at), line_.size());
      field.assign(line_, at, end - at);
      field.erase(field.find_last_not_of(blanks) + 1);
      at = end;
    }
    if (at >= line_.size()) break;
  }
  fields.resize(count);
}

/// From the opening quote to the delimiter behind the closing one; goes on to further lines where the field
/// does.
void CsvRecords::take_quoted(std::size_t& at, std::string& field) {
  for (++at;; ++at) {
    if (at >= line_.size()) {
      field += '\n';
      if (!lines_.next(line_))
        throw Error(ExitCode::data, fmt::format("{}: line {}: a quote is opened and never closed",
                                                lines_.path(), first_line_));
      at = static_cast<std::size_t>(-1);
    } else if (line_[at] != '"') {
      field += line_[at];
    } else if (at + 1 < line_.size() && line_[at + 1] == '"') {
      field += line_[++at];
    } else {
      break;
    }
  }
  at = line_.find_first_not_of(blanks, at + 1);
  if (at == std::string::npos) at = line_.size();
  if (at < line_.size() && line_[at] != delimiter_)
    throw Error(ExitCode::data,
                fmt::format("{}: line {}: text behind a closing quote", lines_.path(), lines_.line_number()));
}

}  // namespace widegram::io
