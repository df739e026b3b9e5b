#include "src/kernels/plane_axis.hpp"

#include <algorithm>
#include <numeric>
#include <set>

#include "src/kernels/windows.hpp"

namespace widegram::kernels {
namespace {

Index around(Index i, Index n) { return (i % n + n) % n; }

}  // namespace

AxisWindows AxisWindows::of(const Conv& conv, Index inputs) {
  const auto [outputs, low] = windows_along(inputs, conv.size, conv.stride, conv.padding);
  std::vector<std::vector<Index>> taps(static_cast<std::size_t>(outputs));
  for (Index q = 0; q < outputs; ++q)
    for (Index t = 0; t < conv.size; ++t) {
      const Index p = q * conv.stride - low + t;
      const bool inside = p >= 0 && p < inputs;
      taps[static_cast<std::size_t>(q)].push_back(inside                              ? p
                                                  : conv.padding == Padding::circular ? around(p, inputs)
                                                                                      : -1);
    }
  return {inputs, std::move(taps), true};
}

AxisWindows AxisWindows::of(const AvgPool& pool, Index inputs) {
  const Index outputs = windows_along(inputs, pool.size, pool.stride, Padding::valid).outputs;
  std::vector<std::vector<Index>> taps(static_cast<std::size_t>(outputs));
  for (Index q = 0; q < std::ssize(taps); ++q)
    for (Index t = 0; t < pool.size; ++t) taps[static_cast<std::size_t>(q)].push_back(q * pool.stride + t);
  return {inputs, std::move(taps), false};
}

std::vector<AxisWindows::Target> AxisWindows::targets(Index pixel, Index offset) const {
  const Index other = around(pixel + offset, inputs_);
  std::vector<Target> found;
  for (Index q = 0; q < outputs(); ++q)
    for (std::size_t t = 0; t < taps_.front().size(); ++t) {
      if (taps_[static_cast<std::size_t>(q)][t] != pixel) continue;
      for (Index r = 0; r < outputs(); ++r) {
        const std::vector<Index>& taps = taps_[static_cast<std::size_t>(r)];
        const auto count =
            together_ ? static_cast<Index>(taps[t] == other) : std::count(taps.begin(), taps.end(), other);
        for (Index i = 0; i < count; ++i) found.push_back({q, around(r - q, outputs())});
      }
    }
  return found;
}

std::vector<Index> AxisWindows::needs(const std::vector<Index>& offsets) const {
  std::set<Index> needed;
  for (const Index offset : offsets)
    for (Index q = 0; q < outputs(); ++q) {
      const auto& first = taps_[static_cast<std::size_t>(q)];
      const auto& second = taps_[static_cast<std::size_t>(around(q + offset, outputs()))];
      for (std::size_t t = 0; t < first.size(); ++t)
        for (std::size_t u = together_ ? t : 0; u < (together_ ? t + 1 : second.size()); ++u)
          if (first[t] >= 0 && second[u] >= 0) needed.insert(around(second[u] - first[t], inputs_));
    }
  return {needed.begin(), needed.end()};
}

std::vector<Index> all_offsets(Index count) {
  std::vector<Index> offsets(static_cast<std::size_t>(count));
  std::iota(offsets.begin(), offsets.end(), Index{0});
  return offsets;
}

}  // namespace widegram::kernels
