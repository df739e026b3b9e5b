#include "io/csv_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"
#include "src/base/numbers.hpp"

namespace widegram::io {
namespace {

constexpr const char* usual_target_names[] = {"label", "class", "target", "y"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return text;
}

/// A first line of numbers is data without a header, unless it just counts the columns as pandas writes it.
void check_header(const std::vector<std::string>& names, const std::string& path) {
  double first = -1;
  bool counts = true;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::optional<double> number = parse_number(names[i]);
    if (!number) return;
    if (i == 0) first = *number;
    counts = counts && *number == first + static_cast<double>(i);
  }
  if (!counts || (first != 0 && first != 1))
    throw Error(ExitCode::data,
                path + ": line 1 holds numbers alone: write a header line with the columns' names above");
}

/// A column by its name, or by its number: 1 the first, -1 the last.
std::optional<std::size_t> find_column(const std::vector<std::string>& names, const std::string& text) {
  const auto named = std::find(names.begin(), names.end(), text);
  if (named != names.end()) return static_cast<std::size_t>(named - names.begin());
  const Index number = parse_integer(text).value_or(0);
  const auto columns = std::ssize(names);
  if (number == 0 || number < -columns || number > columns) return std::nullopt;
  return static_cast<std::size_t>(number > 0 ? number - 1 : columns + number);
}

std::size_t usual_target_column(const std::vector<std::string>& names) {
  for (const char* usual : usual_target_names)
    for (std::size_t i = 0; i < names.size(); ++i)
      if (lower(names[i]) == usual) return i;
  return names.size() - 1;
}

}  // namespace

CsvReader::CsvReader(const std::string& path, const std::string& labels, Targets targets,
                     std::optional<KnownTargets> known)
    : path_(path), records_(path), labels_(targets, std::move(known)) {
  if (!records_.next(names_)) throw Error(ExitCode::data, path + ": is empty");
  check_header(names_, path);
  choose_target_columns(labels);
  const Index features = std::ssize(names_) - std::ssize(target_columns_);
  if (features <= 0) throw Error(ExitCode::data, path + ": no column is left for features");
  look_through();

  header_.shape = {features, 1, 1};
  header_.target_columns = std::ssize(target_columns_);
  header_.natural_targets = labels_.kind();
  header_.class_names = labels_.class_names();
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (!is_target(i)) header_.feature_names.push_back(names_[i]);
  header_.target_source = path;
  records_ = CsvRecords(path);
  records_.next(fields_);
}

void CsvReader::choose_target_columns(const std::string& labels) {
  if (labels == "auto") {
    target_columns_ = {usual_target_column(names_)};
    return;
  }
  if (const auto whole = find_column(names_, labels)) {
    target_columns_ = {*whole};
    return;
  }
  for (std::size_t begin = 0; begin <= labels.size();) {
    const std::size_t end = std::min(labels.find(',', begin), labels.size());
    const std::string part = labels.substr(begin, end - begin);
    const auto column = find_column(names_, part);
    if (!column) throw unknown_column(part);
    if (!is_target(*column)) target_columns_.push_back(*column);
    begin = end + 1;
  }
}

Error CsvReader::unknown_column(const std::string& text) const {
  constexpr std::size_t shown = 8;
  return Error(
      ExitCode::data,
      fmt::format("{}: `labels` names a column '{}' that the header does not have{}; it has {} columns: {}{}",
                  path_, text, suggestion(text, names_), names_.size(),
                  fmt::join(std::span(names_).first(std::min(shown, names_.size())), ", "),
                  names_.size() > shown ? ", ..." : ""));
}

bool CsvReader::is_target(std::size_t column) const {
  return std::find(target_columns_.begin(), target_columns_.end(), column) != target_columns_.end();
}

std::string CsvReader::where(std::size_t column) const {
  return fmt::format("{}: line {}, column {} '{}'", path_, records_.line_number(), column + 1,
                     names_[column]);
}

bool CsvReader::next_record() {
  if (!records_.next(fields_)) return false;
  if (fields_.size() != names_.size())
    throw Error(ExitCode::data, fmt::format("{}: line {} has {} fields, the header {}", path_,
                                            records_.line_number(), fields_.size(), names_.size()));
  return true;
}

void CsvReader::look_through() {
  while (next_record()) {
    ++header_.samples;
    for (const std::size_t column : target_columns_) {
      if (fields_[column].empty()) throw Error(ExitCode::data, where(column) + " is empty");
      labels_.see(fields_[column], records_.line_number());
    }
  }
  if (header_.samples == 0) throw Error(ExitCode::data, path_ + ": no data behind the header");
  labels_.decide(path_);
  if (labels_.kind() == TargetKind::classes && target_columns_.size() > 1)
    throw Error(ExitCode::data,
                path_ + ": several target columns hold values, not classes: set targets = \"values\"");
}

void CsvReader::read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) {
  for (; next_ < samples.begin; ++next_) next_record();
  for (Index j = 0; j < samples.size(); ++j, ++next_) {
    if (!next_record()) throw Error(ExitCode::data, path_ + ": became shorter while it was read");
    put_record(inputs.column(j), targets.column(j));
  }
}

void CsvReader::put_record(double* inputs, double* targets) const {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    if (is_target(i)) continue;
    const std::optional<double> number = parse_number(fields_[i]);
    if (!number)
      throw Error(ExitCode::data,
                  fields_[i].empty()
                      ? where(i) + " is empty"
                      : fmt::format("{} holds '{}', which is not a finite number", where(i), fields_[i]));
    *inputs++ = *number;
  }
  for (const std::size_t column : target_columns_)
    *targets++ = labels_.number(fields_[column], where(column));
}

}  // namespace widegram::io
