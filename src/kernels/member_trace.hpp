#pragma once

#include <span>
#include <variant>
#include <vector>

#include "src/kernels/dual.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// A layer whose effect on a pair depends on the variances of its two members.
using VarianceLayer = std::variant<Activation, LayerNorm>;

/// Those of a network, in the order in which it runs.
std::vector<VarianceLayer> variance_layers(const Network& network);

/// The variance of every member (a sample, or a pixel of one) at every VarianceLayer.
using Variances = std::vector<std::vector<double>>;

/// 1 / sqrt(q + epsilon) of every member.
template <class Real>
Side<Real> layernorm_side(const LayerNorm& norm, std::span<const double> variances);

/// What one VarianceLayer needs to know of its members.
template <class Real>
struct TraceStep {
  Side<Real> side;          ///< dual_side() or layernorm_side()
  std::vector<Real> roots;  ///< sqrt(q) where correlations are watched, else empty
};

/// What all layers need to know of the members of one side.
template <class Real>
using MemberTrace = std::vector<TraceStep<Real>>;

enum class Watch { no, correlations };

template <class Real>
MemberTrace<Real> make_trace(std::span<const VarianceLayer> layers, const Variances& variances,
                             Watch watch = Watch::no);

/// Some members of a trace: a range of samples, or all pixels, however many of them each layer meets.
template <class Real>
class TraceView {
 public:
  explicit TraceView(const MemberTrace<Real>& trace) : trace_(&trace) {}
  TraceView(const MemberTrace<Real>& trace, Range members) : trace_(&trace), members_(members), all_(false) {}

  SideView<Real> side(std::size_t step) const {
    const Side<Real>& side = (*trace_)[step].side;
    return all_ ? side.view() : side.view(members_);
  }
  const Real* roots(std::size_t step) const { return (*trace_)[step].roots.data() + members_.begin; }

 private:
  const MemberTrace<Real>* trace_;
  Range members_;
  bool all_ = true;
};

}  // namespace widegram::kernels
