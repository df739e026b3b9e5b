#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "src/base/fingerprint.hpp"
#include "src/base/index.hpp"
#include "src/base/nearest.hpp"
#include "src/base/numbers.hpp"
#include "src/base/random.hpp"

namespace widegram {
namespace {

TEST(Index, NarrowingNamesWhatDoesNotFit) {
  EXPECT_EQ(to_int(2147483647, "rows"), 2147483647);
  try {
    to_int(2147483648, "rows");
    FAIL() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::usage);
    EXPECT_NE(std::string(e.what()).find("rows = 2147483648"), std::string::npos);
  }
}

TEST(Numbers, TheWholeTextOrNothing) {
  EXPECT_EQ(parse_number("-1.5e3"), -1500.0);
  EXPECT_EQ(parse_number("+2"), 2.0);
  for (const char* text : {"", "+", "+-2", "2x", " 2", "nan", "inf", "1e999"})
    EXPECT_FALSE(parse_number(text)) << text;
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<Index>::min());
  for (const char* text : {"", "+2", "2.0", "9223372036854775808", "1 "})
    EXPECT_FALSE(parse_integer(text)) << text;
}

TEST(Nearest, FindsATypingSlipAndNothingFarAway) {
  const std::vector<std::string> keys{"ridge", "method", "precision"};
  EXPECT_EQ(nearest("rigde", keys), "ridge");
  EXPECT_EQ(suggestion("metod", keys), "; did you mean 'method'?");
  EXPECT_EQ(nearest("xyzzyxyz", keys), "");
}

TEST(Checksum, DependsOnEveryByteAndIsNeverZero) {
  std::array<unsigned char, 100> bytes{};
  const std::uint64_t zeros = checksum(bytes.data(), bytes.size());
  EXPECT_NE(zeros, 0U);
  for (unsigned char& byte : bytes) {
    byte ^= 1U;
    EXPECT_NE(checksum(bytes.data(), bytes.size()), zeros);
    byte ^= 1U;
  }
  EXPECT_NE(checksum(bytes.data(), 0), 0U);
  EXPECT_EQ(to_hex(255), "00000000000000ff");
  EXPECT_EQ(from_hex("00000000000000ff"), 255U);
  for (const char* text : {"", "ff", "00000000000000fg", "-0000000000000ff", "00000000000000ff0"})
    EXPECT_FALSE(from_hex(text)) << text;
}

/// The known answers that come with the generator's authors' code.
TEST(Random, PhiloxGivesItsKnownAnswers) {
  using Word = std::array<std::uint32_t, 4>;
  EXPECT_EQ(CounterRandom::philox({0, 0, 0, 0}, {0, 0}),
            (Word{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(CounterRandom::philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Word{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(CounterRandom::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Word{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, NumbersFollowTheirDistributions) {
  constexpr int count = 20000;
  const CounterRandom random(7, 1);
  const CounterRandom other_stream(7, 2);
  double uniform = 0;
  double normal = 0;
  double square = 0;
  double across = 0;
  for (int i = 0; i < count; ++i) {
    const auto position = static_cast<std::uint64_t>(i);
    const double u = random.uniform(position);
    EXPECT_GT(u, 0);
    EXPECT_LT(u, 1);
    const double z = random.normal(position, 3);
    uniform += u / count;
    normal += z / count;
    square += z * z / count;
    across += z * other_stream.normal(position, 3) / count;
  }
  EXPECT_NEAR(uniform, 0.5, 0.01);
  EXPECT_NEAR(normal, 0.0, 0.03);
  EXPECT_NEAR(square, 1.0, 0.05);
  EXPECT_NEAR(across, 0.0, 0.03);
  EXPECT_EQ(random.uniform(12345), CounterRandom(7, 1).uniform(12345));
  EXPECT_NE(random.uniform(12345), random.uniform(12346));
}

}  // namespace
}  // namespace widegram
