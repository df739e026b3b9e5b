#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace widegram {

/// 64-bit checksum of bytes (XXH3), never 0: 0 marks 'nothing recorded here'. Each seed has its own.
std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t seed = 0);

template <class T>
std::uint64_t checksum(std::span<T> values, std::uint64_t seed = 0) {
  return checksum(values.data(), values.size_bytes(), seed);
}

/// 16 hexadecimal digits.
std::string to_hex(std::uint64_t value);
/// The number that to_hex() has written so; nothing for any other text.
std::optional<std::uint64_t> from_hex(std::string_view text);

}  // namespace widegram
