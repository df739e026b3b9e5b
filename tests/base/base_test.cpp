#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "src/base/fingerprint.hpp"
#include "src/base/index.hpp"
#include "src/base/nearest.hpp"

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
