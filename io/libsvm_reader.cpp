#include "io/libsvm_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/base/numbers.hpp"

namespace widegram::io {
namespace {

constexpr std::string_view blanks = " \t";
constexpr Index largest_index = std::numeric_limits<std::int32_t>::max();

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

LibsvmReader::LibsvmReader(const std::string& path, Index features, Targets targets,
                           std::optional<KnownTargets> known)
    : lines_(path), labels_(targets, std::move(known)) {
  Index largest = 0;
  while (const auto label = next_label()) {
    ++header_.samples;
    labels_.see(*label, lines_.line_number());
    Index index = 0;
    double value = 0;
    while (next_entry(index, value)) largest = std::max(largest, index);
    if (features != 0 && largest > features)
      throw bad_line(fmt::format("feature {} is beyond the {} features that the training set or the job has",
                                 largest, features));
  }
  if (header_.samples == 0) throw Error(ExitCode::data, path + ": holds no data");
  if (largest == 0 && features == 0) throw Error(ExitCode::data, path + ": no sample has any feature");
  labels_.decide(path);
  features_ = features != 0 ? features : largest;
  header_.shape = {features_, 1, 1};
  header_.natural_targets = labels_.kind();
  header_.class_names = labels_.class_names();
  header_.target_source = path;
  lines_ = LineReader(path);
}

Error LibsvmReader::bad_line(const std::string& what) const {
  return Error(ExitCode::data, fmt::format("{}: line {}: {}", lines_.path(), lines_.line_number(), what));
}

std::optional<std::string_view> LibsvmReader::next_label() {
  while (lines_.next(line_)) {
    rest_ = std::string_view(line_).substr(0, line_.find('#'));
    last_index_ = 0;
    const std::string_view label = next_word(rest_);
    if (label.empty()) continue;
    if (label.find(':') != std::string_view::npos) throw bad_line("begins with a feature instead of a label");
    return label;
  }
  return std::nullopt;
}

bool LibsvmReader::next_entry(Index& index, double& value) {
  std::string_view word = next_word(rest_);
  if (word.starts_with("qid:")) word = next_word(rest_);
  if (word.empty()) return false;
  const std::size_t colon = word.find(':');
  const auto refuse = [&](const char* why) { return bad_line(fmt::format("'{}' {}", word, why)); };
  if (colon == std::string_view::npos) throw refuse("is no index:value");
  index = parse_integer(word.substr(0, colon)).value_or(0);
  if (index < 1 || index > largest_index) throw refuse("has no index from 1 to 2147483647");
  if (index <= last_index_) throw refuse("comes behind an index as large: indices ascend within a line");
  last_index_ = index;
  const std::optional<double> number = parse_number(word.substr(colon + 1));
  if (!number) throw refuse("has no finite number as its value");
  value = *number;
  return true;
}

void LibsvmReader::read(Range samples, MatrixView<double> inputs, MatrixView<double> targets) {
  for (; next_ < samples.begin; ++next_) next_label();
  for (Index j = 0; j < samples.size(); ++j, ++next_) {
    const auto label = next_label();
    if (!label) throw Error(ExitCode::data, lines_.path() + ": became shorter while it was read");
    targets(0, j) = labels_.number(*label, fmt::format("{}: line {}", lines_.path(), lines_.line_number()));
    std::fill_n(inputs.column(j), inputs.rows, 0.0);
    Index index = 0;
    double value = 0;
    while (next_entry(index, value)) {
      if (index > features_) throw bad_line("has changed while it was read");
      inputs(index - 1, j) = value;
    }
  }
}

}  // namespace widegram::io
