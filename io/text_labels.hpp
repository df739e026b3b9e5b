#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/data_reader.hpp"
#include "io/data_spec.hpp"

namespace widegram::io {

/// What the targets of the training set are, so that a test set read later is understood in the same way.
struct KnownTargets {
  TargetKind kind = TargetKind::classes;
  std::vector<std::string> class_names;
};

/// The labels of a text file, which may be words, whole numbers or other numbers. First all are shown to
/// see(), then decide() settles what they are and number() translates each.
///
/// Whole numbers from 0 to largest_class are their own class numbers. Words, and other whole numbers such as
/// -1 and +1, become classes in ascending order, with names. With Targets::automatic more than 1,000
/// different whole numbers, or any number that is not whole, make all of them values, and words among numbers
/// are refused.
class TextLabels {
 public:
  TextLabels(Targets wanted, std::optional<KnownTargets> known) : wanted_(wanted), known_(std::move(known)) {}

  void see(std::string_view label, Index line);
  /// Throws Error(data), naming `path`, where the labels cannot be what was wanted.
  void decide(const std::string& path);

  TargetKind kind() const { return kind_; }
  const std::vector<std::string>& class_names() const { return names_; }
  /// `where` begins the message: "a.csv: line 3, column 'species'".
  double number(std::string_view label, const std::string& where) const;

 private:
  std::vector<std::string> sorted_names() const;
  void name_classes(std::vector<std::string> names);

  Targets wanted_;
  std::optional<KnownTargets> known_;
  bool any_number_ = false;
  bool numbers_ = true;
  bool whole_ = true;
  bool class_numbers_ = true;
  bool too_many_ = false;
  std::set<std::string, std::less<>> different_;
  TargetKind kind_ = TargetKind::classes;
  std::vector<std::string> names_;
  std::map<std::string, Index> number_of_name_;
  std::string first_word_;
  Index line_of_first_word_ = 0;
};

}  // namespace widegram::io
