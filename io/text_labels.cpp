#include "io/text_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/base/error.hpp"
#include "src/base/numbers.hpp"

namespace widegram::io {
namespace {

constexpr std::size_t most_names = largest_class + 1;
constexpr std::size_t most_automatic_numbers = 1000;

bool is_whole(double value) { return value == std::floor(value) && std::abs(value) < 0x1p53; }

/// One spelling a label: "+1" and "1.0" are "1".
std::string canonical(std::string_view label) {
  const std::optional<double> number = parse_number(label);
  if (number && is_whole(*number)) return fmt::to_string(static_cast<std::int64_t>(*number));
  return std::string(label);
}

}  // namespace

void TextLabels::see(std::string_view label, Index line) {
  const std::optional<double> number = parse_number(label);
  any_number_ = any_number_ || number;
  if (!number && numbers_) {
    first_word_ = label;
    line_of_first_word_ = line;
  }
  numbers_ = numbers_ && number;
  whole_ = whole_ && number && is_whole(*number);
  class_numbers_ = class_numbers_ && whole_ && *number >= 0 && *number <= largest_class;
  if (too_many_) return;
  if (!different_.contains(label)) different_.insert(canonical(label));
  too_many_ = different_.size() > most_names;
}

std::vector<std::string> TextLabels::sorted_names() const {
  std::vector<std::string> names(different_.begin(), different_.end());
  if (whole_)
    std::sort(names.begin(), names.end(),
              [](const std::string& a, const std::string& b) { return *parse_number(a) < *parse_number(b); });
  return names;
}

void TextLabels::decide(const std::string& path) {
  if (known_) {
    kind_ = known_->kind;
    name_classes(known_->class_names);
    return;
  }
  if (wanted_ == Targets::automatic && any_number_ && !numbers_)
    throw Error(ExitCode::data,
                fmt::format("{}: line {}: the label '{}' stands among numbers: mend it, or set targets = "
                            "\"classes\" where it is a class",
                            path, line_of_first_word_, first_word_));
  const bool values =
      wanted_ == Targets::values || (wanted_ == Targets::automatic && numbers_ &&
                                     (!whole_ || different_.size() > most_automatic_numbers || too_many_));
  kind_ = values ? TargetKind::values : TargetKind::classes;
  if (values) return;
  if (numbers_ && !whole_)
    throw Error(ExitCode::data,
                path +
                    ": the labels are numbers that are not whole, so no classes: set targets = "
                    "\"values\"");
  if (class_numbers_) return;
  if (too_many_)
    throw Error(ExitCode::data,
                fmt::format("{}: more than {} different labels are no classes: name another column in "
                            "`labels`, or set targets = \"values\" where they are numbers",
                            path, most_names));
  name_classes(sorted_names());
}

void TextLabels::name_classes(std::vector<std::string> names) {
  names_ = std::move(names);
  for (const std::string& name : names_) number_of_name_.emplace(name, std::ssize(number_of_name_));
}

double TextLabels::number(std::string_view label, const std::string& where) const {
  const std::optional<double> number = parse_number(label);
  if (kind_ == TargetKind::values) {
    if (!number)
      throw Error(ExitCode::data, fmt::format("{} holds '{}', which is not a finite number", where, label));
    return *number;
  }
  if (names_.empty()) {
    if (!number || !is_whole(*number) || *number < 0)
      throw Error(ExitCode::data,
                  fmt::format("{} holds '{}', which is not a class (0, 1, 2, ...)", where, label));
    return *number;
  }
  const auto at = number_of_name_.find(canonical(label));
  if (at == number_of_name_.end())
    throw Error(ExitCode::data,
                fmt::format("{} holds '{}', which is not a class of the training set", where, label));
  return static_cast<double>(at->second);
}

}  // namespace widegram::io
