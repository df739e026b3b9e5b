#include "src/kernels/pixel_ops.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "src/kernels/windows.hpp"

namespace widegram::kernels {
namespace {

/// Outputs [output, output + length) of one tap of a window, which are inputs [input, input + length).
struct Run {
  Index output = 0;
  Index input = 0;
  Index length = 0;
};

/// How windows lie along one axis of an image.
struct Axis {
  Index inputs = 0;
  Index outputs = 0;
  std::vector<std::vector<Index>> taps;  ///< taps[t][o]: what tap t of output o sees, -1 beyond the border
  std::vector<std::vector<Run>> runs;    ///< the same, tap by tap, in runs
};

std::vector<Run> runs_of(const std::vector<Index>& inputs) {
  std::vector<Run> runs;
  for (Index o = 0; o < std::ssize(inputs); ++o) {
    const Index input = inputs[static_cast<std::size_t>(o)];
    if (input < 0) continue;
    if (!runs.empty() && runs.back().output + runs.back().length == o &&
        runs.back().input + runs.back().length == input)
      ++runs.back().length;
    else
      runs.push_back({o, input, 1});
  }
  return runs;
}

Axis windows(Index inputs, Index size, Index stride, Padding padding) {
  const auto [outputs, low] = windows_along(inputs, size, stride, padding);
  Axis axis{inputs, outputs, {}, {}};
  for (Index t = 0; t < size; ++t) {
    std::vector<Index> tap;
    for (Index o = 0; o < axis.outputs; ++o) {
      const Index input = o * stride - low + t;
      if (padding == Padding::circular)
        tap.push_back(((input % inputs) + inputs) % inputs);
      else
        tap.push_back(input >= 0 && input < inputs ? input : -1);
    }
    axis.runs.push_back(runs_of(tap));
    axis.taps.push_back(std::move(tap));
  }
  return axis;
}

template <class Real>
void add_to(Real* to, const Real* from, Index count) {
  for (Index i = 0; i < count; ++i) to[i] += from[i];
}

/// Sums windows along one axis of an array [outer][axis][inner].
template <class Real>
void sum_axis(const Axis& axis, Index inner, Index outer, const Real* in, Real* out) {
  std::fill_n(out, inner * axis.outputs * outer, Real(0));
  for (Index o = 0; o < outer; ++o, in += inner * axis.inputs, out += inner * axis.outputs)
    for (const std::vector<Run>& tap : axis.runs)
      for (const Run& run : tap) add_to(out + inner * run.output, in + inner * run.input, inner * run.length);
}

/// Sums windows that move along two axes of an array [outer][axis][between][axis][inner] together.
template <class Real>
void sum_both_axes(const Axis& axis, Index inner, Index between, Index outer, const Real* in, Real* out) {
  const Index in_slice = inner * axis.inputs * between;
  const Index out_slice = inner * axis.outputs * between;
  std::fill_n(out, out_slice * axis.outputs * outer, Real(0));
  for (Index o = 0; o < outer; ++o, in += in_slice * axis.inputs, out += out_slice * axis.outputs)
    for (std::size_t t = 0; t < axis.taps.size(); ++t)
      for (Index second = 0; second < axis.outputs; ++second) {
        const Index seen = axis.taps[t][static_cast<std::size_t>(second)];
        if (seen < 0) continue;
        for (Index b = 0; b < between; ++b) {
          const Real* from = in + seen * in_slice + b * inner * axis.inputs;
          Real* to = out + second * out_slice + b * inner * axis.outputs;
          for (const Run& run : axis.runs[t])
            add_to(to + inner * run.output, from + inner * run.input, inner * run.length);
        }
      }
}

/// Replaces K and T by what `pass(in, out)` makes of them, `size` values.
template <class Real, class Pass>
void replace(Block<Real>& block, Index size, Workspace<Real>& workspace, const Pass& pass) {
  for (auto* values : {&block.nngp, &block.ntk}) {
    if (values == &block.ntk && !block.ntk_started) continue;
    auto result = workspace.take(size);
    pass(values->data(), result.data());
    *values = std::move(result);
  }
}

template <class Real>
void resize(Block<Real>& block, Index height, Index width) {
  block.height = height;
  block.width = width;
  block.rows = height * width;
  block.cols = block.layout == Layout::outer ? block.rows : 1;
}

/// Replaces K and T by one number each.
template <class Real, class Mean>
void collapse(Block<Real>& block, const Mean& mean) {
  block.nngp.data()[0] = mean(block.nngp_view());
  if (block.ntk_started) block.ntk.data()[0] = mean(block.ntk_view());
  resize(block, 1, 1);
}

}  // namespace

template <class Real>
void sum_windows(Block<Real>& block, const Conv& conv, Workspace<Real>& workspace) {
  const Axis y = windows(block.height, conv.size, conv.stride, conv.padding);
  const Axis x = windows(block.width, conv.size, conv.stride, conv.padding);
  const bool outer = block.layout == Layout::outer;
  const auto squared_if_outer = [&](Index count) { return outer ? count * count : count; };
  replace(block, squared_if_outer(y.outputs * x.inputs), workspace, [&](const Real* in, Real* out) {
    if (outer)
      sum_both_axes(y, x.inputs, x.inputs, 1, in, out);
    else
      sum_axis(y, x.inputs, 1, in, out);
  });
  replace(block, squared_if_outer(y.outputs * x.outputs), workspace, [&](const Real* in, Real* out) {
    if (outer)
      sum_both_axes(x, 1, y.outputs, y.outputs, in, out);
    else
      sum_axis(x, 1, y.outputs, in, out);
  });
  resize(block, y.outputs, x.outputs);
}

template <class Real>
void average_pool(Block<Real>& block, const AvgPool& pool, Workspace<Real>& workspace) {
  const Axis y = windows(block.height, pool.size, pool.stride, Padding::valid);
  const Axis x = windows(block.width, pool.size, pool.stride, Padding::valid);
  const Index pixels = block.rows;
  const Index pooled = y.outputs * x.outputs;
  const auto pass = [&](const Axis& axis, Index inner, Index outer) {
    replace(block, inner * axis.outputs * outer, workspace,
            [&](const Real* in, Real* out) { sum_axis(axis, inner, outer, in, out); });
  };
  pass(y, x.inputs, pixels);
  pass(x, 1, y.outputs * pixels);
  pass(y, pooled * x.inputs, 1);
  pass(x, pooled, y.outputs);
  resize(block, y.outputs, x.outputs);
  const auto taps = static_cast<Real>(pool.size * pool.size * pool.size * pool.size);
  for (MatrixView<Real> values : {block.nngp_view(), block.ntk_view()})
    for (Index i = 0; i < values.rows * values.cols; ++i) values.data[i] /= taps;
}

template <class Real>
void average_pairs(Block<Real>& block) {
  collapse(block, [](MatrixView<Real> values) {
    Real sum = 0;
    for (Index j = 0; j < values.cols; ++j) {
      Real column = 0;  // sums of like size lose less
      for (Index i = 0; i < values.rows; ++i) column += values(i, j);
      sum += column;
    }
    return sum / static_cast<Real>(values.rows * values.cols);
  });
}

template <class Real>
void average_diagonal(Block<Real>& block) {
  const bool outer = block.layout == Layout::outer;
  collapse(block, [outer](MatrixView<Real> values) {
    Real sum = 0;
    for (Index i = 0; i < values.rows; ++i) sum += values(i, outer ? i : 0);
    return sum / static_cast<Real>(values.rows);
  });
}

template void sum_windows(Block<float>&, const Conv&, Workspace<float>&);
template void sum_windows(Block<double>&, const Conv&, Workspace<double>&);
template void average_pool(Block<float>&, const AvgPool&, Workspace<float>&);
template void average_pool(Block<double>&, const AvgPool&, Workspace<double>&);
template void average_pairs(Block<float>&);
template void average_pairs(Block<double>&);
template void average_diagonal(Block<float>&);
template void average_diagonal(Block<double>&);

}  // namespace widegram::kernels
