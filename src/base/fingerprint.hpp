#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace widegram {

/// 64-bit checksum of bytes (XXH3), never 0: 0 marks 'nothing recorded here'.
std::uint64_t checksum(const void* data, std::size_t bytes);

template <class T>
std::uint64_t checksum(std::span<T> values) {
  return checksum(values.data(), values.size_bytes());
}

/// 16 hexadecimal digits.
std::string to_hex(std::uint64_t value);

}  // namespace widegram
