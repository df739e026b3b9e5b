#include "io/data_spec.hpp"

#include <fmt/format.h>

#include "src/base/error.hpp"
#include "src/base/numbers.hpp"

namespace widegram::io {
namespace {

/// The text of one end of a slice: nothing, or a number that may be negative.
bool is_slice_end(std::string_view text) {
  if (!text.empty() && text.front() == '-') {
    text.remove_prefix(1);
    if (text.empty()) return false;
  }
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<Index> slice_end(std::string_view text, std::string_view whole) {
  if (text.empty()) return std::nullopt;
  const std::optional<Index> value = parse_integer(text);
  if (!value) throw Error(ExitCode::usage, fmt::format("{}: {} is too large for a slice", whole, text));
  return value;
}

std::string written(const Slice& slice) {
  return fmt::format("[{}:{}]", slice.from ? fmt::to_string(*slice.from) : "",
                     slice.to ? fmt::to_string(*slice.to) : "");
}

}  // namespace

const std::vector<std::string>& data_formats() {
  static const std::vector<std::string> formats = {"auto", "idx", "cifar10", "hdf5", "npy", "csv", "libsvm"};
  return formats;
}

SourceText parse_source(std::string_view text) {
  const std::size_t open = text.rfind('[');
  if (text.empty() || text.back() != ']' || open == std::string_view::npos)
    return {std::string(text), std::nullopt};
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  const std::size_t colon = inside.find(':');
  if (colon == std::string_view::npos || !is_slice_end(inside.substr(0, colon)) ||
      !is_slice_end(inside.substr(colon + 1)))
    return {std::string(text), std::nullopt};
  return {std::string(text.substr(0, open)),
          Slice{slice_end(inside.substr(0, colon), text), slice_end(inside.substr(colon + 1), text)}};
}

Range resolve_slice(const SourceText& text, Index samples) {
  if (!text.slice) return {0, samples};
  const auto from_start = [&](Index end) { return end < 0 ? end + samples : end; };
  const Range range{from_start(text.slice->from.value_or(0)), from_start(text.slice->to.value_or(samples))};
  const auto refuse = [&](const char* what) {
    return Error(ExitCode::data, fmt::format("{}{}: the slice {}; {} has {} samples", text.name,
                                             written(*text.slice), what, text.name, samples));
  };
  if (range.begin < 0 || range.begin > samples || range.end < 0 || range.end > samples)
    throw refuse("is out of range");
  if (range.empty()) throw refuse("is empty");
  return range;
}

}  // namespace widegram::io
