#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/base/index.hpp"

namespace widegram::jobs {

/// A length of time as a job file writes it: "90s", "5min", "1.5h".
struct Seconds {
  double value = 0;
  friend bool operator==(const Seconds&, const Seconds&) = default;
};

/// A size as a job file writes it: "512MiB", "24GiB", "1.5GB".
struct Bytes {
  Index value = 0;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

/// Units ms, s, min, h, d; nothing where the text is no length of time (a bare number has no unit and is
/// none).
std::optional<Seconds> parse_seconds(std::string_view text);

/// A time limit: as a length of time above, or in the forms of batch systems: minutes, minutes:seconds,
/// hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds.
std::optional<Seconds> parse_time_limit(std::string_view text);

/// Units B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024).
std::optional<Bytes> parse_bytes(std::string_view text);

/// Exact, so that it parses back to the same value: "60s", "1073741824B" as "1GiB".
std::string to_text(Seconds seconds);
std::string to_text(Bytes bytes);

/// For people: "0.84 s", "2 min 05 s", "3 h 12 min".
std::string readable_seconds(double seconds);
/// For people: "412 kB", "1.31 GB".
std::string readable_bytes(double bytes);
/// For people: "12.5 M", "870".
std::string readable_count(double count);

}  // namespace widegram::jobs
