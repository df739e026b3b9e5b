#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/index.hpp"

namespace widegram::io {

/// What a target is. automatic: words and whole numbers are classes, other numbers are values.
enum class Targets { automatic, classes, values };

/// What DataSpec::format may be: "auto", "idx", ...
const std::vector<std::string>& data_formats();

/// Which samples to read and how: the [data] table of a job, for one set.
struct DataSpec {
  /// "digits", "digits:train", "digits:test", "fashion-mnist:train", "fashion-mnist:test" or a path, each
  /// with an optional slice at its end: "[100:200]", "[:5000]", "[60:]", negative numbers count from the end
  /// as in Python. A file whose name is a built-in one is reached as "./digits".
  std::string source;
  /// One of data_formats().
  std::string format = "auto";
  /// idx, npy: the path of the labels (auto: the sibling that the usual names suggest). csv: name or number
  /// of the target column, 1 the first and -1 the last, or several with commas between (auto: the column
  /// called label, class, target or y, else the last one). Other formats keep labels in their one place and
  /// take auto only.
  std::string labels = "auto";
  Targets targets = Targets::automatic;
  /// libsvm: the number of features; 0: the largest index in the file, or what the training set has.
  Index features = 0;
};

/// The two ends of a slice as written; an end that is not written is empty.
struct Slice {
  std::optional<Index> from;
  std::optional<Index> to;
};

/// A source's text taken apart. Only a trailing [a:b] is a slice: other brackets and colons belong to the
/// name.
struct SourceText {
  std::string name;
  std::optional<Slice> slice;
};

/// Throws Error(data) where a number of the slice does not fit 64 bits.
SourceText parse_source(std::string_view text);

/// The samples that `text` means in a set of `samples`. Throws Error(data), naming the size, where the slice
/// is empty or leaves the set: unlike Python it is never cut to size silently.
Range resolve_slice(const SourceText& text, Index samples);

}  // namespace widegram::io
