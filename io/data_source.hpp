#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/data_reader.hpp"
#include "io/data_spec.hpp"
#include "io/text_labels.hpp"

namespace widegram::io {

/// The names that need no path: "digits", "digits:train", ...
bool is_builtin(const std::string& name);

/// The format of a file or folder: spec.format, or by its first bytes and its name where that is "auto". Not
/// collective. Throws Error(usage) for an unknown format, Error(data) where nothing fits, saying what was
/// tried.
std::string format_of(const SourceText& source, const DataSpec& spec);

/// Opens what `source` names. Not collective. `format` as from format_of(); nothing for built-in names.
/// `known`: what the targets of the training set are, where this is its test set.
std::unique_ptr<DataReader> open_source(const SourceText& source, const std::string& format,
                                        const DataSpec& spec, const std::optional<KnownTargets>& known);

}  // namespace widegram::io
