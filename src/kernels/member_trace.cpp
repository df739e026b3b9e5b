#include "src/kernels/member_trace.hpp"

#include <algorithm>
#include <cmath>

namespace widegram::kernels {

template <class Real>
Side<Real> layernorm_side(const LayerNorm& norm, std::span<const double> variances) {
  Side<Real> side{1, std::ssize(variances), std::vector<Real>(variances.size())};
  std::transform(variances.begin(), variances.end(), side.values.begin(),
                 [&](double q) { return static_cast<Real>(1.0 / std::sqrt(q + norm.epsilon)); });
  return side;
}

std::vector<VarianceLayer> variance_layers(const Network& network) {
  std::vector<VarianceLayer> layers;
  for (const Layer& layer : execution_order(network)) {
    if (const auto* activation = std::get_if<Activation>(&layer.kind())) layers.emplace_back(*activation);
    if (const auto* norm = std::get_if<LayerNorm>(&layer.kind())) layers.emplace_back(*norm);
  }
  return layers;
}

template <class Real>
MemberTrace<Real> make_trace(std::span<const VarianceLayer> layers, const Variances& variances, Watch watch) {
  MemberTrace<Real> trace(layers.size());
  for (std::size_t step = 0; step < layers.size(); ++step) {
    const std::vector<double>& q = variances[step];
    const auto* norm = std::get_if<LayerNorm>(&layers[step]);
    trace[step].side = norm != nullptr ? layernorm_side<Real>(*norm, q)
                                       : dual_side<Real>(std::get<Activation>(layers[step]), q);
    if (watch == Watch::no) continue;
    trace[step].roots.resize(q.size());
    std::transform(q.begin(), q.end(), trace[step].roots.begin(),
                   [](double variance) { return static_cast<Real>(std::sqrt(variance)); });
  }
  return trace;
}

template Side<float> layernorm_side(const LayerNorm&, std::span<const double>);
template Side<double> layernorm_side(const LayerNorm&, std::span<const double>);
template MemberTrace<float> make_trace(std::span<const VarianceLayer>, const Variances&, Watch);
template MemberTrace<double> make_trace(std::span<const VarianceLayer>, const Variances&, Watch);

}  // namespace widegram::kernels
