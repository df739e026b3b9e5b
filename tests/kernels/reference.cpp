#include "tests/kernels/reference.hpp"

#include <cmath>

#include "src/kernels/dual.hpp"

namespace widegram::kernels::test {
namespace {

/// Values of all pairs of pixels, K[y, x, y', x'].
class Pairs {
 public:
  Pairs(Index height, Index width)
      : height_(height), width_(width), values_(static_cast<std::size_t>(height * width * height * width)) {}

  Index height() const { return height_; }
  Index width() const { return width_; }
  double& at(Index y, Index x, Index v, Index u) {
    return values_[static_cast<std::size_t>(((y * width_ + x) * height_ + v) * width_ + u)];
  }
  double at(Index y, Index x, Index v, Index u) const { return const_cast<Pairs&>(*this).at(y, x, v, u); }
  double variance(Index y, Index x) const { return at(y, x, y, x); }

  template <class F>
  void for_each(const F& f) {
    for (Index y = 0; y < height_; ++y)
      for (Index x = 0; x < width_; ++x)
        for (Index v = 0; v < height_; ++v)
          for (Index u = 0; u < width_; ++u) f(at(y, x, v, u), y, x, v, u);
  }

 private:
  Index height_;
  Index width_;
  std::vector<double> values_;
};

/// Covariance and tangent kernel of two members of {x, z}.
struct Kernel {
  Pairs k;
  Pairs t;
  bool same;
};

struct State {
  Kernel xx;
  Kernel xz;
  Kernel zz;

  template <class F>
  void each(const F& f) {
    // The variances that layers read are those before the layer.
    const Pairs qx = xx.k;
    const Pairs qz = zz.k;
    f(xx, qx, qx);
    f(xz, qx, qz);
    f(zz, qz, qz);
  }
};

void run(const Network& network, State& state);

void weigh(Kernel& kernel, double weight, double bias) {
  kernel.k.for_each([&](double& k, auto...) { k = weight * k + bias; });
  kernel.t.for_each(
      [&](double& t, Index y, Index x, Index v, Index u) { t = kernel.k.at(y, x, v, u) + weight * t; });
}

Index outputs(Index n, const Conv& conv) {
  return conv.padding == Padding::valid ? (n - conv.size) / conv.stride + 1
                                        : (n + conv.stride - 1) / conv.stride;
}

Index low_pad(Index n, const Conv& conv) {
  if (conv.padding == Padding::valid) return 0;
  return std::max<Index>((outputs(n, conv) - 1) * conv.stride + conv.size - n, 0) / 2;
}

Pairs convolve(const Pairs& in, const Conv& conv) {
  Pairs out(outputs(in.height(), conv), outputs(in.width(), conv));
  const auto wrap = [&](Index i, Index n) {
    return conv.padding == Padding::circular ? ((i % n) + n) % n : i;
  };
  const auto inside = [](Index i, Index n) { return i >= 0 && i < n; };
  out.for_each([&](double& value, Index y, Index x, Index v, Index u) {
    for (Index dy = 0; dy < conv.size; ++dy)
      for (Index dx = 0; dx < conv.size; ++dx) {
        const Index up = dy - low_pad(in.height(), conv);
        const Index left = dx - low_pad(in.width(), conv);
        const Index a = wrap(y * conv.stride + up, in.height());
        const Index b = wrap(x * conv.stride + left, in.width());
        const Index c = wrap(v * conv.stride + up, in.height());
        const Index d = wrap(u * conv.stride + left, in.width());
        if (inside(a, in.height()) && inside(b, in.width()) && inside(c, in.height()) &&
            inside(d, in.width()))
          value += in.at(a, b, c, d) / static_cast<double>(conv.size * conv.size);
      }
  });
  return out;
}

Pairs pool(const Pairs& in, Index height, Index width, Index stride) {
  Pairs out((in.height() - height) / stride + 1, (in.width() - width) / stride + 1);
  out.for_each([&](double& value, Index y, Index x, Index v, Index u) {
    for (Index a = 0; a < height; ++a)
      for (Index b = 0; b < width; ++b)
        for (Index c = 0; c < height; ++c)
          for (Index d = 0; d < width; ++d)
            value += in.at(y * stride + a, x * stride + b, v * stride + c, u * stride + d);
    value /= static_cast<double>(height * width * height * width);
  });
  return out;
}

Pairs flatten(const Pairs& in) {
  Pairs out(1, 1);
  for (Index y = 0; y < in.height(); ++y)
    for (Index x = 0; x < in.width(); ++x)
      out.at(0, 0, 0, 0) += in.variance(y, x) / static_cast<double>(in.height() * in.width());
  return out;
}

struct Apply {
  State& state;

  void operator()(const Dense& d) const {
    state.each([&](Kernel& kernel, auto&...) { weigh(kernel, d.weight_variance, d.bias_variance); });
  }
  void operator()(const Conv& c) const {
    state.each([&](Kernel& kernel, auto&...) {
      kernel.k = convolve(kernel.k, c);
      kernel.t = convolve(kernel.t, c);
      weigh(kernel, c.weight_variance, c.bias_variance);
    });
  }
  void operator()(const AvgPool& p) const {
    state.each([&](Kernel& kernel, auto&...) {
      kernel.k = pool(kernel.k, p.size, p.size, p.stride);
      kernel.t = pool(kernel.t, p.size, p.size, p.stride);
    });
  }
  void operator()(const GlobalAvgPool&) const {
    state.each([&](Kernel& kernel, auto&...) {
      kernel.k = pool(kernel.k, kernel.k.height(), kernel.k.width(), 1);
      kernel.t = pool(kernel.t, kernel.t.height(), kernel.t.width(), 1);
    });
  }
  void operator()(const Flatten&) const {
    state.each([&](Kernel& kernel, auto&...) {
      kernel.k = flatten(kernel.k);
      kernel.t = flatten(kernel.t);
    });
  }
  void operator()(const LayerNorm& norm) const {
    state.each([&](Kernel& kernel, const Pairs& q1, const Pairs& q2) {
      const auto divide = [&](double& value, Index y, Index x, Index v, Index u) {
        value /= std::sqrt((q1.variance(y, x) + norm.epsilon) * (q2.variance(v, u) + norm.epsilon));
      };
      kernel.k.for_each(divide);
      kernel.t.for_each(divide);
    });
  }
  void operator()(const Dropout& dropout) const {
    state.each([&](Kernel& kernel, auto&...) {
      const auto raise = [&](double& value, Index y, Index x, Index v, Index u) {
        if (kernel.same && y == v && x == u) value /= dropout.keep;
      };
      kernel.k.for_each(raise);
      kernel.t.for_each(raise);
    });
  }
  void operator()(const Activation& activation) const {
    state.each([&](Kernel& kernel, const Pairs& q1, const Pairs& q2) {
      kernel.k.for_each([&](double& k, Index y, Index x, Index v, Index u) {
        const DualDiagonal dual = kernel.same && y == v && x == u
                                      ? dual_diagonal(activation, k)
                                      : dual_reference(activation, q1.variance(y, x), k, q2.variance(v, u));
        k = dual.value;
        kernel.t.at(y, x, v, u) *= dual.derivative;
      });
    });
  }
  void operator()(const Repeat& repeat) const {
    for (Index i = 0; i < repeat.times; ++i) run(repeat.layers, state);
  }
  void operator()(const Residual& residual) const {
    State branch = state;
    run(residual.layers, branch);
    run(residual.shortcut, state);
    const auto sum = [&](Kernel& into, const Kernel& other) {
      const auto add = [&](Pairs& to, const Pairs& from) {
        to.for_each([&](double& value, Index y, Index x, Index v, Index u) {
          value += residual.scale * residual.scale * from.at(y, x, v, u);
        });
      };
      add(into.k, other.k);
      add(into.t, other.t);
    };
    sum(state.xx, branch.xx);
    sum(state.xz, branch.xz);
    sum(state.zz, branch.zz);
  }
  void operator()(const Product& product) const {
    std::vector<State> branches(product.branches.size(), state);
    for (std::size_t i = 0; i < branches.size(); ++i) run(product.branches[i], branches[i]);
    const auto combine = [&](Kernel State::*which) {
      Kernel result = branches[0].*which;
      result.t.for_each([&](double& t, Index y, Index x, Index v, Index u) {
        double& k = result.k.at(y, x, v, u);
        k = 1;
        t = 0;
        for (std::size_t i = 0; i < branches.size(); ++i) {
          k *= (branches[i].*which).k.at(y, x, v, u);
          double term = (branches[i].*which).t.at(y, x, v, u);
          for (std::size_t j = 0; j < branches.size(); ++j)
            if (j != i) term *= (branches[j].*which).k.at(y, x, v, u);
          t += term;
        }
      });
      return result;
    };
    state = {combine(&State::xx), combine(&State::xz), combine(&State::zz)};
  }
};

void run(const Network& network, State& state) {
  for (const Layer& layer : network) std::visit(Apply{state}, layer.kind());
}

Kernel input_kernel(const SampleShape& shape, const std::vector<double>& x, const std::vector<double>& z,
                    bool same) {
  Kernel kernel{Pairs(shape.height, shape.width), Pairs(shape.height, shape.width), same};
  kernel.k.for_each([&](double& k, Index y, Index x0, Index v, Index u) {
    for (Index c = 0; c < shape.channels; ++c)
      k += x[static_cast<std::size_t>((c * shape.height + y) * shape.width + x0)] *
           z[static_cast<std::size_t>((c * shape.height + v) * shape.width + u)] /
           static_cast<double>(shape.channels);
  });
  return kernel;
}

}  // namespace

Entry reference_entry(const Network& network, const SampleShape& shape, const std::vector<double>& x,
                      const std::vector<double>& z, bool same) {
  State state{input_kernel(shape, x, x, true), input_kernel(shape, x, z, same),
              input_kernel(shape, z, z, true)};
  run(network, state);
  return {state.xz.k.at(0, 0, 0, 0), state.xz.t.at(0, 0, 0, 0)};
}

}  // namespace widegram::kernels::test
