#include "src/kernels/shapes.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/base/error.hpp"
#include "src/kernels/canonical.hpp"
#include "src/kernels/windows.hpp"

namespace widegram::kernels {
namespace {

std::string pixels_of(const SampleShape& shape) { return fmt::format("{} x {}", shape.height, shape.width); }

/// What a layer is called in a message (short) and in a report (with its variances).
struct ShortName {
  std::string operator()(const Dense&) const { return "dense"; }
  std::string operator()(const Conv& c) const {
    std::string text = fmt::format("conv {0}x{0} {1}", c.size, to_string(c.padding));
    return c.stride == 1 ? text : text + fmt::format(" stride {}", c.stride);
  }
  std::string operator()(const AvgPool& p) const {
    std::string text = fmt::format("avgpool {0}x{0}", p.size);
    return p.stride == p.size ? text : text + fmt::format(" stride {}", p.stride);
  }
  std::string operator()(const GlobalAvgPool&) const { return "global_avgpool"; }
  std::string operator()(const Flatten&) const { return "flatten"; }
  std::string operator()(const LayerNorm&) const { return "layernorm"; }
  std::string operator()(const Dropout& d) const { return fmt::format("dropout keep {}", d.keep); }
  std::string operator()(const Repeat& r) const { return fmt::format("repeat x {}", r.times); }
  std::string operator()(const Residual&) const { return "residual"; }
  std::string operator()(const Product& p) const { return fmt::format("product of {}", p.branches.size()); }
  std::string operator()(const Activation& a) const { return canonical(a); }
};

/// Bounds that no real network meets, so that a slip in a job cannot keep the program busy for ever.
constexpr double most_layers = 100000;
constexpr Index largest_window = 1023;

std::string short_name(const Layer& layer) { return std::visit(ShortName{}, layer.kind()); }

std::string report_name(const Layer& layer) {
  std::string name = short_name(layer);
  if (const auto* dense = std::get_if<Dense>(&layer.kind()))
    name += fmt::format(", w = {}, b = {}", dense->weight_variance, dense->bias_variance);
  if (const auto* conv = std::get_if<Conv>(&layer.kind()))
    name += fmt::format(", w = {}, b = {}", conv->weight_variance, conv->bias_variance);
  if (const auto* residual = std::get_if<Residual>(&layer.kind());
      residual != nullptr && residual->scale != 1.0)
    name += fmt::format(", scale {}", residual->scale);
  return name;
}

/// Operations on one pair of pixels: the covariance and its tangent, then the latter's product.
struct ActivationFlops {
  double operator()(const AbRelu&) const { return 30; }
  double operator()(const Erf&) const { return 40; }
  double operator()(const Gelu&) const { return 50; }
  double operator()(const Sine&) const { return 50; }
  double operator()(const Rbf&) const { return 25; }
  double operator()(const Gaussian&) const { return 20; }
  double operator()(const Exponential&) const { return 25; }
  double operator()(const NormalizedExponential&) const { return 30; }
  double operator()(const Sign&) const { return 25; }
  double operator()(const Polynomial& p) const { return 10 + 4 * static_cast<double>(p.coefficients.size()); }
  double operator()(const Numerical&) const { return 200; }
};

/// Walks the network, writes a report a layer, and counts.
class Walk {
 public:
  explicit Walk(bool mixes) : mixes_(mixes) {}

  SampleShape through(const Network& network, SampleShape shape, const std::string& path, Index depth) {
    for (std::size_t i = 0; i < network.size(); ++i) {
      const std::string place = fmt::format("{}{}", path, i + 1);
      shape = layer(network[i], shape, place, depth);
    }
    return shape;
  }

  std::vector<LayerReport> reports;

 private:
  /// A layer on its way: where it is, what enters it.
  struct At {
    const Layer& layer;
    SampleShape in;
    std::string place;
    Index depth;
    std::size_t report;
  };

  SampleShape layer(const Layer& layer, const SampleShape& in, const std::string& place, Index depth) {
    const At at{layer, in, place, depth, reports.size()};
    reports.push_back({.name = report_name(layer), .depth = depth, .output = in});
    const SampleShape out = std::visit([&](const auto& kind) { return enter(kind, at); }, layer.kind());
    reports[at.report].output = out;
    return out;
  }

  [[noreturn]] static void fail(const At& at, const std::string& what) {
    throw Error(ExitCode::usage, fmt::format("layer {} ({}): {}", at.place, short_name(at.layer), what));
  }
  static void require(bool fine, const At& at, const char* what) {
    if (!fine) fail(at, what);
  }
  static void require_variances(double weight, double bias, const At& at) {
    require(std::isfinite(weight) && weight >= 0, at,
            "weight_variance must be a finite number of at least 0");
    require(std::isfinite(bias) && bias >= 0, at, "bias_variance must be a finite number of at least 0");
  }

  double pairs(const SampleShape& shape) const {
    const auto pixels = static_cast<double>(shape.pixels());
    return mixes_ ? pixels * pixels : pixels;
  }
  void count(const At& at, double flops) { reports[at.report].flops_per_entry += flops; }
  void count_variances(const At& at) { reports[at.report].variances = at.in.pixels(); }

  SampleShape enter(const Dense& dense, const At& at) {
    require_variances(dense.weight_variance, dense.bias_variance, at);
    count(at, 4 * pairs(at.in));
    return {0, at.in.height, at.in.width};
  }

  SampleShape enter(const Conv& conv, const At& at) {
    require(conv.size >= 1 && conv.size % 2 == 1, at, "size must be odd and at least 1");
    require(conv.size <= largest_window, at, "size must be at most 1023");
    require(conv.stride >= 1, at, "stride must be at least 1");
    require_variances(conv.weight_variance, conv.bias_variance, at);
    if (conv.padding == Padding::valid) require_window(conv.size, at);
    const SampleShape out{0, windows_along(at.in.height, conv.size, conv.stride, conv.padding).outputs,
                          windows_along(at.in.width, conv.size, conv.stride, conv.padding).outputs};
    count(at, pairs(out) * (4.0 * static_cast<double>(conv.size - 1) + 4));
    return out;
  }

  SampleShape enter(const AvgPool& pool, const At& at) {
    require(pool.size >= 1, at, "size must be at least 1");
    require(pool.stride >= 1, at, "stride must be at least 1");
    require_window(pool.size, at);
    const SampleShape out{at.in.channels,
                          windows_along(at.in.height, pool.size, pool.stride, Padding::valid).outputs,
                          windows_along(at.in.width, pool.size, pool.stride, Padding::valid).outputs};
    count(at, pairs(at.in) * 4);
    return out;
  }

  SampleShape enter(const GlobalAvgPool&, const At& at) {
    count(at, at.in.is_vector() ? 0 : 2 * pairs(at.in));
    return {at.in.channels, 1, 1};
  }

  SampleShape enter(const Flatten&, const At& at) {
    count(at, at.in.is_vector() ? 0 : 2 * static_cast<double>(at.in.pixels()));
    return {at.in.features(), 1, 1};
  }

  SampleShape enter(const LayerNorm& norm, const At& at) {
    require(std::isfinite(norm.epsilon) && norm.epsilon > 0, at, "epsilon must be a finite number above 0");
    count(at, 3 * pairs(at.in));
    count_variances(at);
    return at.in;
  }

  SampleShape enter(const Dropout& dropout, const At& at) {
    require(dropout.keep > 0 && dropout.keep <= 1, at, "keep must lie in (0, 1]");
    return at.in;
  }

  SampleShape enter(const Activation& activation, const At& at) {
    try {
      check_activation(activation);
    } catch (const Error& error) {
      fail(at, error.what());
    }
    count(at, std::visit(ActivationFlops{}, activation) * pairs(at.in));
    count_variances(at);
    return at.in;
  }

  SampleShape enter(const Repeat& repeat, const At& at) {
    require(repeat.times >= 1, at, "times must be at least 1");
    const std::size_t first = reports.size();
    SampleShape shape = at.in;
    std::vector<LayerReport> sum;
    for (Index round = 1; round <= repeat.times; ++round) {
      const SampleShape entering = shape;
      reports.resize(first);
      shape = through(repeat.layers, entering, at.place + ".repeat.", at.depth + 1);
      // A round that leaves the shape that it met is like all rounds to come.
      const bool settled = shape == entering;
      const Index rounds = settled ? repeat.times - round + 1 : 1;
      for (std::size_t i = first; i < reports.size(); ++i) {
        reports[i].flops_per_entry *= static_cast<double>(rounds);
        reports[i].variances *= rounds;
        if (sum.empty()) continue;
        reports[i].flops_per_entry += sum[i - first].flops_per_entry;
        reports[i].variances += sum[i - first].variances;
      }
      if (settled) break;
      sum.assign(reports.begin() + static_cast<std::ptrdiff_t>(first), reports.end());
    }
    return shape;
  }

  SampleShape enter(const Residual& residual, const At& at) {
    require(std::isfinite(residual.scale), at, "scale must be finite");
    const SampleShape branch = through(residual.layers, at.in, at.place + ".residual.", at.depth + 1);
    const SampleShape shortcut = through(residual.shortcut, at.in, at.place + ".shortcut.", at.depth + 1);
    require_alike(branch, shortcut, "the branch", "the shortcut", at);
    count(at, 4 * pairs(branch));
    return {branch.channels == shortcut.channels ? branch.channels : 0, branch.height, branch.width};
  }

  SampleShape enter(const Product& product, const At& at) {
    require(!product.branches.empty(), at, "it needs at least one branch");
    SampleShape first;
    for (std::size_t i = 0; i < product.branches.size(); ++i) {
      const SampleShape shape =
          through(product.branches[i], at.in, fmt::format("{}.product.{}.", at.place, i + 1), at.depth + 1);
      if (i == 0) first = shape;
      require_alike(first, shape, "branch 1", fmt::format("branch {}", i + 1), at);
      if (i > 0) count(at, 4 * pairs(shape));
    }
    return {0, first.height, first.width};
  }

  static void require_window(Index size, const At& at) {
    if (size > at.in.height || size > at.in.width)
      fail(at, fmt::format("input {} is smaller than the window", pixels_of(at.in)));
  }
  static void require_alike(const SampleShape& a, const SampleShape& b, const std::string& a_name,
                            const std::string& b_name, const At& at) {
    if (a.height != b.height || a.width != b.width)
      fail(at, fmt::format("{} leaves {} pixels, {} leaves {}; they must agree", a_name, pixels_of(a), b_name,
                           pixels_of(b)));
  }

  bool mixes_;
};

}  // namespace

Index pixel_pairs(const Network& network, const SampleShape& shape) {
  return mixes_pixels(network) ? shape.pixels() * shape.pixels() : shape.pixels();
}

double flops_per_entry(const Network& network, SampleShape input) {
  double flops = 2.0 * static_cast<double>(input.channels) * static_cast<double>(pixel_pairs(network, input));
  for (const LayerReport& report : check_shapes(network, input)) flops += report.flops_per_entry;
  return flops;
}

std::vector<LayerReport> check_shapes(const Network& network, SampleShape input) {
  if (const double layers = executed_layers(network); layers > most_layers)
    throw Error(ExitCode::usage,
                fmt::format("the network has {:.6g} layers once its repeats are written out; at most {:.0f} "
                            "can be followed: lower the times of its repeats",
                            layers, most_layers));
  Walk walk(mixes_pixels(network));
  const SampleShape output = walk.through(network, input, "", 0);
  if (!output.is_vector())
    throw Error(
        ExitCode::usage,
        fmt::format(
            "layer {} ({}): the network ends here with {} pixels, but it must leave one number a pair of "
            "samples; put flatten or global_avgpool before its last dense layer (a dense layer acts on "
            "each pixel alone)",
            network.size(), network.empty() ? "the input" : short_name(network.back()), pixels_of(output)));
  return std::move(walk.reports);
}

}  // namespace widegram::kernels
