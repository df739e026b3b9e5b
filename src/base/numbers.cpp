#include "src/base/numbers.hpp"

#include <charconv>
#include <cmath>

namespace widegram {
namespace {

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const std::optional<double> value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<Index> parse_integer(std::string_view text) { return parse_whole<Index>(text); }

}  // namespace widegram
