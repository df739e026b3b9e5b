#include "jobs/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "src/base/numbers.hpp"

namespace widegram::jobs {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array<Unit, 5> time_units{{{"ms", 1e-3}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}}};
constexpr std::array<Unit, 9> size_units{{{"B", 1},
                                          {"KiB", 1024.0},
                                          {"MiB", 1048576.0},
                                          {"GiB", 1073741824.0},
                                          {"TiB", 1099511627776.0},
                                          {"kB", 1e3},
                                          {"MB", 1e6},
                                          {"GB", 1e9},
                                          {"TB", 1e12}}};

std::optional<double> parse(std::string_view text, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    std::string_view amount = text.substr(0, text.size() - unit.name.size());
    while (amount.ends_with(' ')) amount.remove_suffix(1);
    // "5ms" ends with "s" as well: 5m is no number, and its own unit comes later.
    if (const auto number = parse_number(amount); number && *number >= 0) return *number * unit.factor;
  }
  return std::nullopt;
}

/// `value` in the first of `units` (named largest first) that it fills at least once.
std::string scaled(double value, std::span<const Unit> units, std::string_view otherwise) {
  for (const Unit& unit : units)
    if (value >= unit.factor) return fmt::format("{:.3g} {}", value / unit.factor, unit.name);
  return fmt::format("{:.3g}{}{}", value, otherwise.empty() ? "" : " ", otherwise);
}

}  // namespace

std::optional<Seconds> parse_seconds(std::string_view text) {
  const std::optional<double> value = parse(text, time_units);
  return value ? std::optional(Seconds{*value}) : std::nullopt;
}

std::optional<Seconds> parse_time_limit(std::string_view text) {
  if (const auto length = parse_seconds(text)) return length;
  double seconds = 0;
  // What the first number counts depends on how many there are, and on whether days come first.
  std::array<double, 3> units{60, 1, 0};
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const auto days = parse_number(text.substr(0, dash));
    if (!days || *days < 0) return std::nullopt;
    seconds = 86400 * *days;
    text.remove_prefix(dash + 1);
  }
  if (dash != std::string_view::npos || std::ranges::count(text, ':') == 2) units = {3600, 60, 1};
  for (const double unit : units) {
    const std::size_t colon = text.find(':');
    const auto number = parse_number(text.substr(0, colon));
    if (!number || *number < 0 || unit == 0) return std::nullopt;
    seconds += unit * *number;
    if (colon == std::string_view::npos) return Seconds{seconds};
    text.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

std::optional<Bytes> parse_bytes(std::string_view text) {
  const std::optional<double> value = parse(text, size_units);
  constexpr double most = 9.0e18;
  return value && *value < most ? std::optional(Bytes{static_cast<Index>(*value)}) : std::nullopt;
}

std::string to_text(Seconds seconds) { return fmt::format("{}s", seconds.value); }

std::string to_text(Bytes bytes) {
  constexpr std::array<std::string_view, 5> names{"B", "KiB", "MiB", "GiB", "TiB"};
  Index value = bytes.value;
  std::size_t unit = 0;
  for (; unit + 1 < names.size() && value != 0 && value % 1024 == 0; ++unit) value /= 1024;
  return fmt::format("{}{}", value, names[unit]);
}

std::string readable_seconds(double seconds) {
  if (seconds < 99.5) return fmt::format("{:.{}f} s", seconds, seconds < 9.995 ? 2 : 1);
  const auto whole = static_cast<Index>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string readable_bytes(double bytes) {
  constexpr std::array<Unit, 5> units{{{"PB", 1e15}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}}};
  return scaled(bytes, units, "B");
}

std::string readable_count(double count) {
  constexpr std::array<Unit, 4> units{{{"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}}};
  return scaled(count, units, "");
}

}  // namespace widegram::jobs
