#pragma once

#include <toml++/toml.h>

#include <string>
#include <string_view>

namespace widegram::jobs {

/// The text of a file that the command line names. `what`: what messages call it, e.g. "job file"; `hint`:
/// a clause on what to do where it cannot be read. Throws Error(usage).
std::string read_named_file(const std::string& path, const std::string& what, const std::string& hint);

/// Nodes know the file and their line. Throws Error(usage) naming both where the text is no TOML.
toml::table parse_toml(std::string_view text, const std::string& file);

}  // namespace widegram::jobs
