#include "io/element_type.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace widegram::io {
namespace {

/// IEEE 754 binary16.
struct Half {
  std::uint16_t bits;
  explicit operator double() const {
    const int exponent = (bits >> 10) & 0x1f;
    const int fraction = bits & 0x3ff;
    double magnitude = 0;
    if (exponent == 0x1f)
      magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
    else
      magnitude = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  }
};

template <class Stored>
void decode_as(bool swap, std::span<const std::byte> raw, std::span<double> to) {
  std::array<std::byte, sizeof(Stored)> bytes;
  for (std::size_t i = 0; i < to.size(); ++i) {
    std::memcpy(bytes.data(), raw.data() + i * sizeof(Stored), sizeof(Stored));
    if (swap) std::reverse(bytes.begin(), bytes.end());
    to[i] = static_cast<double>(std::bit_cast<Stored>(bytes));
  }
}

}  // namespace

void decode(ElementType type, std::span<const std::byte> raw, std::span<double> to) {
  using Kind = ElementType::Kind;
  const bool swap = type.big_endian != (std::endian::native == std::endian::big);
  const auto pick = [&]<class One, class Two, class Four, class Eight>() {
    switch (type.bytes) {
      case 1:
        return decode_as<One>(swap, raw, to);
      case 2:
        return decode_as<Two>(swap, raw, to);
      case 4:
        return decode_as<Four>(swap, raw, to);
      default:
        return decode_as<Eight>(swap, raw, to);
    }
  };
  switch (type.kind) {
    case Kind::unsigned_integer:
      return pick.operator()<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>();
    case Kind::signed_integer:
      return pick.operator()<std::int8_t, std::int16_t, std::int32_t, std::int64_t>();
    case Kind::floating:
      return pick.operator()<std::uint8_t, Half, float, double>();
  }
}

}  // namespace widegram::io
