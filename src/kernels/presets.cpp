#include "src/kernels/presets.hpp"

#include <fmt/format.h>

#include <array>

#include "src/base/error.hpp"
#include "src/base/nearest.hpp"

namespace widegram::kernels {
namespace {

/// The weight layer and activation that a preset repeats.
struct Hidden {
  double weight_variance;
  double bias_variance;
  Activation activation;

  explicit Hidden(const PresetOptions& options)
      : weight_variance(options.weight_variance.value_or(2.0)),
        bias_variance(options.bias_variance.value_or(0.0)),
        activation(options.activation.value_or(AbRelu{})) {}

  Network dense() const { return {Dense{weight_variance, bias_variance}, activation}; }
  Network conv() const {
    return {Conv{.weight_variance = weight_variance, .bias_variance = bias_variance}, activation};
  }
};

Index depth_of(const std::string& name, const PresetOptions& options, Index fallback) {
  const Index depth = options.depth.value_or(fallback);
  if (depth < 1)
    throw Error(ExitCode::usage,
                fmt::format("preset '{}': depth = {}, but it has at least one hidden layer", name, depth));
  return depth;
}

Network dense(const std::string& name, const PresetOptions& options) {
  return {Flatten{}, Repeat{depth_of(name, options, 3), Hidden(options).dense()}, Dense{}};
}

/// Arora et al. 2019, "On exact computation with an infinitely wide neural net".
Network cntk(const std::string& name, const PresetOptions& options, const Layer& readout) {
  return {Repeat{depth_of(name, options, 5), Hidden(options).conv()}, readout, Dense{}};
}

/// Shankar et al. 2020, "Neural kernels without tangents".
Network myrtle(const std::string& name, const PresetOptions& options, const std::array<Index, 3>& groups) {
  if (options.depth)
    throw Error(ExitCode::usage,
                fmt::format("preset '{}' takes no depth: its name says it; take it out, or choose "
                            "myrtle5, myrtle7 or myrtle10",
                            name));
  Network network;
  for (std::size_t group = 0; group < groups.size(); ++group) {
    if (group > 0) network.emplace_back(AvgPool{});
    const Network pair = Hidden(options).conv();
    for (Index i = 0; i < groups[group]; ++i) network.insert(network.end(), pair.begin(), pair.end());
  }
  network.emplace_back(GlobalAvgPool{});
  network.emplace_back(Dense{});
  return network;
}

struct Preset {
  const char* name;
  Network (*make)(const std::string&, const PresetOptions&);
};

constexpr auto presets = std::to_array<Preset>({
    {"dense", dense},
    {"cntk-gap", [](const std::string& n, const PresetOptions& o) { return cntk(n, o, GlobalAvgPool{}); }},
    {"cntk-flatten", [](const std::string& n, const PresetOptions& o) { return cntk(n, o, Flatten{}); }},
    {"myrtle5",
     [](const std::string& n, const PresetOptions& o) {
       return myrtle(n, o, {2, 1, 1});
     }},
    {"myrtle7",
     [](const std::string& n, const PresetOptions& o) {
       return myrtle(n, o, {2, 2, 2});
     }},
    {"myrtle10",
     [](const std::string& n, const PresetOptions& o) {
       return myrtle(n, o, {3, 3, 3});
     }},
});

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets) names.emplace_back(preset.name);
  return names;
}

Network preset(const std::string& name, const PresetOptions& options) {
  for (const Preset& preset : presets)
    if (name == preset.name) return preset.make(name, options);
  const std::vector<std::string> names = preset_names();
  throw Error(ExitCode::usage, fmt::format("unknown preset '{}'{}; there are: {}", name,
                                           suggestion(name, names), fmt::join(names, ", ")));
}

}  // namespace widegram::kernels
