#pragma once

#include <toml++/toml.h>

#include <string>

namespace widegram::jobs {

/// Applies the text of one --set, "table.key=value", to the tables of a job file. The value is TOML; a bare
/// word
/// ("runs/a", "60s") is taken as a string. What it sets says "--set TEXT" in place of a file and line.
/// Throws Error(usage) naming the text where it has no '=', no key, or a value that is no TOML.
void apply_override(toml::table& job, const std::string& text);

}  // namespace widegram::jobs
