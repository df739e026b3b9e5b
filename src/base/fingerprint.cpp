#include "src/base/fingerprint.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace widegram {

std::uint64_t checksum(const void* data, std::size_t bytes, std::uint64_t seed) {
  const std::uint64_t value = XXH3_64bits_withSeed(data, bytes, seed);
  return value == 0 ? 1 : value;
}

std::string to_hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

}  // namespace widegram
