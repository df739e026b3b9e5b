#include "src/kernels/steps.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "src/base/error.hpp"
#include "src/kernels/canonical.hpp"

namespace widegram::kernels {
namespace {

/// Calls f(i, K(i, i), T(i, i)) for the pairs of a member with itself; T is null where there is none.
template <class F>
void for_each_self_pair(Block<double>& block, const F& f) {
  const Index step = block.layout == Layout::outer ? block.rows + 1 : 1;
  for (Index i = 0; i < block.rows; ++i)
    f(static_cast<std::size_t>(i), block.nngp.data()[i * step],
      block.ntk_started ? block.ntk.data() + i * step : nullptr);
}

std::string name_of(const VarianceLayer& layer) {
  const auto* activation = std::get_if<Activation>(&layer);
  return activation != nullptr ? canonical(*activation) : "layernorm";
}

}  // namespace

std::string sample_name(std::int64_t id) {
  return fmt::format("{} sample {} (counted from 0)", id < 0 ? "test" : "training", id < 0 ? -1 - id : id);
}

void report_overflow(std::int64_t sample, const VarianceLayer& layer, std::size_t place, double variance) {
  throw Error(
      ExitCode::numerical,
      fmt::format(
          "{} reaches {} (variance layer {}) with variance {}: the network's variances overflow; lower "
          "its weight variances or its depth, or standardize the inputs",
          sample_name(sample), name_of(layer), place + 1, variance));
}

template <class Real>
void PairSteps<Real>::apply(const Activation& activation, Block<Real>& block) {
  const SideView<Real> rows = rows_.side(step_);
  const SideView<Real> cols = cols_.side(step_);
  if (near_ != nullptr) near_->scan(block.nngp_view(), rows_.roots(step_), cols_.roots(step_));
  ++step_;
  if (block.layout == Layout::outer) {
    apply_dual(activation, rows, cols, block.nngp_view(), block.ntk_view());
    return;
  }
  const auto member = [](SideView<Real> side, Index i) {
    return SideView<Real>{side.values + i, side.width, side.stride, 1};
  };
  for (Index i = 0; i < block.rows; ++i) {
    const Range self{i, i + 1};
    const MatrixView<Real> ntk =
        block.ntk_started ? block.ntk_view().block(self, {0, 1}) : MatrixView<Real>();
    apply_dual(activation, member(rows, i), member(cols, i), block.nngp_view().block(self, {0, 1}), ntk);
  }
}

template <class Real>
void PairSteps<Real>::apply(const LayerNorm&, Block<Real>& block) {
  scale_members(block, rows_.side(step_).number(0), cols_.side(step_).number(0));
  ++step_;
}

SelfPairs SelfSteps::before(const VarianceLayer& layer, Block<double>& block) const {
  SelfPairs pairs{std::vector<double>(static_cast<std::size_t>(block.rows)),
                  std::vector<double>(static_cast<std::size_t>(block.rows))};
  for_each_self_pair(block, [&](std::size_t i, double k, const double* t) {
    if (!std::isfinite(k)) report_overflow(sample_of_(i), layer, variances_.size(), k);
    pairs.variances[i] = k;
    if (t != nullptr) pairs.tangents[i] = *t;
  });
  return pairs;
}

void SelfSteps::apply(const Activation& activation, Block<double>& block) {
  SelfPairs before = this->before(activation, block);
  if (block.layout == Layout::outer) {
    const Side<double> side = dual_side<double>(activation, before.variances);
    apply_dual(activation, side.view(), side.view(), block.nngp_view(), block.ntk_view());
  }
  for_each_self_pair(block, [&](std::size_t i, double& k, double* t) {
    const DualDiagonal dual = dual_diagonal(activation, before.variances[i]);
    k = dual.value;
    if (t != nullptr) *t = dual.derivative * before.tangents[i];
  });
  variances_.push_back(std::move(before.variances));
}

void SelfSteps::apply(const LayerNorm& norm, Block<double>& block) {
  SelfPairs before = this->before(norm, block);
  const Side<double> side = layernorm_side<double>(norm, before.variances);
  scale_members(block, side.values.data(), side.values.data());
  for_each_self_pair(block, [&](std::size_t i, double& k, double* t) {
    k = before.variances[i] / (before.variances[i] + norm.epsilon);
    if (t != nullptr) *t = before.tangents[i] / (before.variances[i] + norm.epsilon);
  });
  variances_.push_back(std::move(before.variances));
}

void SelfSteps::apply(const Dropout& dropout, Block<double>& block) {
  for_each_self_pair(block, [&](std::size_t, double& k, double* t) {
    k /= dropout.keep;
    if (t != nullptr) *t /= dropout.keep;
  });
}

template class PairSteps<float>;
template class PairSteps<double>;

}  // namespace widegram::kernels
