#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/kernels/block.hpp"
#include "src/kernels/member_trace.hpp"
#include "src/kernels/near_pairs.hpp"

namespace widegram::kernels {

/// How messages call a sample; ids below 0 are test samples.
std::string sample_name(std::int64_t id);

/// Error(numerical) for a variance that is not finite: which sample (ids below 0 are test samples) meets it
/// at which layer, counted from 0 among those that need variances.
[[noreturn]] void report_overflow(std::int64_t sample, const VarianceLayer& layer, std::size_t place,
                                  double variance);

/// How the layers that need variances act on a block of pairs, with the variances known from before.
/// `Interpreter` calls them in the network's order.
template <class Real>
class PairSteps {
 public:
  /// near, if any, is shown the covariances before every activation; it wants traces with roots.
  PairSteps(TraceView<Real> rows, TraceView<Real> cols, NearPairs<Real>* near = nullptr)
      : rows_(rows), cols_(cols), near_(near) {}

  void apply(const Activation& activation, Block<Real>& block);
  void apply(const LayerNorm& norm, Block<Real>& block);
  /// What is dropped in one sample is independent of what is in the other: nothing happens.
  void apply(const Dropout&, Block<Real>&) {}

 private:
  TraceView<Real> rows_;
  TraceView<Real> cols_;
  NearPairs<Real>* near_;
  std::size_t step_ = 0;
};

/// K(i, i) and T(i, i) of a block of a side with itself.
struct SelfPairs {
  std::vector<double> variances;
  std::vector<double> tangents;
};

/// The same on blocks of a side with itself: the variances are found on the way and written down, and pairs
/// of a member with itself get exactly what they have at rho = 1. In double: everything else builds on it.
class SelfSteps {
 public:
  /// sample_of: the id of the sample that a member is, or is a pixel of; for messages.
  /// Members' variances that overflow are an Error(numerical) that names sample and layer.
  explicit SelfSteps(std::function<std::int64_t(std::size_t)> sample_of) : sample_of_(std::move(sample_of)) {}

  void apply(const Activation& activation, Block<double>& block);
  void apply(const LayerNorm& norm, Block<double>& block);
  void apply(const Dropout& dropout, Block<double>& block);

  const Variances& variances() const { return variances_; }
  Variances take_variances() { return std::move(variances_); }

 private:
  /// Pairs of a member with itself as they are before `layer`.
  SelfPairs before(const VarianceLayer& layer, Block<double>& block) const;

  std::function<std::int64_t(std::size_t)> sample_of_;
  Variances variances_;
};

}  // namespace widegram::kernels
