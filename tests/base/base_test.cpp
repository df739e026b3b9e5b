#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "src/base/fingerprint.hpp"
#include "src/base/index.hpp"
#include "src/base/nearest.hpp"
#include "src/base/numbers.hpp"

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
}

}  // namespace
}  // namespace widegram
