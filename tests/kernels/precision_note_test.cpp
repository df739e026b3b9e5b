#include "src/kernels/precision_note.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "src/base/error.hpp"
#include "src/kernels/presets.hpp"

namespace widegram::kernels {
namespace {

const SampleShape picture{3, 6, 9};
constexpr std::array nngp{Function::nngp};
constexpr std::array ntk{Function::ntk};
constexpr std::array both{Function::nngp, Function::ntk};

std::string note(const Network& network, const SampleShape& shape = picture) {
  return precision_note(std::span(&network, 1), both, shape);
}

TEST(PrecisionNote, OrdinaryNetworksAreWithinTheTolerance) {
  for (const Network& network :
       {preset("cntk-gap", {.depth = 5}), preset("cntk-flatten", {.depth = 5}), preset("dense", {}),
        preset("cntk-gap", {.depth = 3, .activation = Erf{}})}) {
    const double distance = float32_distance(network, both, picture);
    EXPECT_GT(distance, 1e-9);
    EXPECT_LE(distance, float32_tolerance);
    EXPECT_TRUE(note(network).starts_with("within 5e-6 of float64 (")) << note(network);
  }
  EXPECT_TRUE(note(preset("dense", {}), {40, 1, 1}).starts_with("within 5e-6")) << "vectors";
}

TEST(PrecisionNote, AJumpIsNotWhateverTheFunction) {
  const Network network = preset("cntk-gap", {.depth = 2, .activation = Sign{}});
  EXPECT_GT(float32_distance(network, nngp, picture), 2e-5);
  EXPECT_GT(float32_distance(network, ntk, picture), 2e-5);
  EXPECT_TRUE(note(network).starts_with("further than 5e-6 from float64")) << note(network);
  EXPECT_NE(note(network).find("float64\" mends it"), std::string::npos);
}

TEST(PrecisionNote, ManyKinksCostTheTangentsDigitsAndNotTheCovariances) {
  const Network network = preset("cntk-flatten", {.depth = 60});
  EXPECT_GT(float32_distance(network, ntk, picture), float32_tolerance);
  EXPECT_LE(float32_distance(network, nngp, picture), float32_tolerance);
  EXPECT_EQ(float32_distance(network, both, picture), float32_distance(network, ntk, picture));
}

TEST(PrecisionNote, TheWorstOfSeveralNetworksCounts) {
  const std::array networks{preset("cntk-flatten", {.depth = 2}), preset("cntk-flatten", {.depth = 60})};
  EXPECT_EQ(precision_note(networks, ntk, picture), precision_note(std::span(&networks[1], 1), ntk, picture));
}

TEST(PrecisionNote, TheGeneralPathComputesInDouble) {
  const Network network = preset("cntk-gap", {.depth = 1, .activation = Numerical{"tanh"}});
  EXPECT_EQ(float32_distance(network, both, picture), 0);
  EXPECT_EQ(note(network), "rounded from values in double");
}

TEST(PrecisionNote, OverflowIsSaidNotThrown) {
  const auto exponentials = [](Index depth) {
    return preset("cntk-gap", {.depth = depth, .weight_variance = 1.0, .activation = Exponential{}});
  };
  EXPECT_TRUE(std::isinf(float32_distance(exponentials(2), nngp, {3, 9, 18})));
  EXPECT_TRUE(note(exponentials(2), {3, 9, 18}).starts_with("overflows"))
      << note(exponentials(2), {3, 9, 18});
  EXPECT_TRUE(note(exponentials(8)).starts_with("not known")) << note(exponentials(8));
  EXPECT_THROW(note({Conv{}}), Error) << "a network without an end is the user's to mend";
}

}  // namespace
}  // namespace widegram::kernels
