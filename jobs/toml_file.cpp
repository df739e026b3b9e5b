#include "jobs/toml_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "src/base/error.hpp"

namespace widegram::jobs {

std::string read_named_file(const std::string& path, const std::string& what, const std::string& hint) {
  std::error_code ignored;  // opening it tells what is wrong
  if (std::filesystem::is_directory(path, ignored))
    throw Error(ExitCode::usage, fmt::format("{}: is a folder, not a {}", path, what));
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw Error(ExitCode::usage,
                fmt::format("{}: cannot read this {}: {}; {}", path, what, std::strerror(errno), hint));
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

toml::table parse_toml(std::string_view text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw Error(ExitCode::usage,
                fmt::format("{}:{}: not TOML: {}", file, error.source().begin.line, error.description()));
  }
}

}  // namespace widegram::jobs
