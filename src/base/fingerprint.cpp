#include "src/base/fingerprint.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>
#include <system_error>

namespace widegram {

std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t seed) {
  const std::uint64_t value = XXH3_64bits_withSeed(data, bytes, seed);
  return value == 0 ? 1 : value;
}

std::string to_hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

std::optional<std::uint64_t> from_hex(std::string_view text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, 16);
  if (text.size() != 16 || error != std::errc() || rest != end) return std::nullopt;
  return value;
}

}  // namespace widegram
