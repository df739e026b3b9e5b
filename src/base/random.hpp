#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace widegram {

/// Random numbers without a state: a number is a function of a seed, a stream and a position alone, so that
/// every rank can make any of them, in any order, whatever the rank count. Philox4x32-10; source: Salmon,
/// Moraes, Dror and Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011).
class CounterRandom {
 public:
  /// Streams of one seed are independent of each other; name one for each purpose.
  CounterRandom(std::uint64_t seed, std::uint32_t stream) : seed_(seed), stream_(stream) {}

  /// 128 random bits for position (i, j).
  std::array<std::uint32_t, 4> bits(std::uint64_t i, std::uint32_t j = 0) const {
    return philox({low(i), high(i), j, stream_}, {low(seed_), high(seed_)});
  }
  /// In (0, 1), 52 bits.
  double uniform(std::uint64_t i, std::uint32_t j = 0) const {
    const auto word = bits(i, j);
    return to_unit(word[0], word[1]);
  }
  /// Standard normal, by Box and Muller.
  double normal(std::uint64_t i, std::uint32_t j = 0) const {
    const auto word = bits(i, j);
    return std::sqrt(-2.0 * std::log(to_unit(word[0], word[1]))) *
           std::cos(2.0 * std::numbers::pi * to_unit(word[2], word[3]));
  }

  /// Ten rounds on a counter under a key.
  static std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                             std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
      const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
      counter = {high(second) ^ counter[1] ^ key[0], low(second), high(first) ^ counter[3] ^ key[1],
                 low(first)};
      key[0] += 0x9E3779B9;
      key[1] += 0xBB67AE85;
    }
    return counter;
  }

 private:
  static std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
  static std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }
  static double to_unit(std::uint32_t first, std::uint32_t second) {
    const std::uint64_t word = (std::uint64_t{first} << 32 | second) >> 12;
    return (static_cast<double>(word) + 0.5) * 0x1p-52;
  }

  std::uint64_t seed_;
  std::uint32_t stream_;
};

}  // namespace widegram
