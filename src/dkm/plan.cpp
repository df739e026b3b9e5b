#include "src/dkm/plan.hpp"

#include <fmt/format.h>

#include "src/dkm/conv_op.hpp"
#include "src/dkm/layer_ops.hpp"

namespace widegram::dkm {
namespace {

template <class Real>
class Planner {
 public:
  explicit Planner(const ModelSpec& spec) : spec_(spec) {}

  Plan<Real> make() {
    follow(spec_.network);
    const Index points = plan_.values[static_cast<std::size_t>(*value_)].points;
    plan_.mean = slice("output: mu", points, spec_.outputs);
    plan_.factor = slice("output: L", points, points);
    if (spec_.likelihood == Likelihood::gaussian && spec_.learn_noise)
      plan_.noise = slice("output: log noise", 1, 1);
    return std::move(plan_);
  }

  void operator()(const InputLayer& layer) {
    plan_.patches =
        slice(named("input") + ": patches", spec_.shape.channels * layer.size * layer.size, layer.points);
    push("input", make_input_op<Real>(layer, spec_.shape, plan_.patches));
  }
  void operator()(const MapLayer& layer) {
    push("map", make_map_op<Real>(layer, shape(), spec_.jitter, slice(named("map") + ": log w, b", 2, 1)));
  }
  void operator()(const ConvLayer& layer) {
    const Index weights = layer.points * shape().points * layer.size * layer.size;
    push("conv", make_conv_op<Real>(layer, shape(), slice(named("conv") + ": W", weights, 1)));
  }
  void operator()(const GramLayer& layer) {
    const GramOptions options{spec_.nu * layer.nu, spec_.taylor, spec_.stochastic, spec_.clamp_negative,
                              spec_.seed};
    push("gram",
         make_gram_op<Real>(options, shape(), slice(named("gram") + ": V", shape().points, shape().points)));
  }
  void operator()(const NormLayer& layer) {
    const Slice inducing =
        slice(named("norm") + ": log inducing scale", count(layer.inducing_scale, shape().points), 1);
    const Slice data =
        slice(named("norm") + ": log data scale", count(layer.data_scale, shape().positions()), 1);
    push("norm", make_norm_op<Real>(layer, shape(), inducing, data));
  }
  void operator()(const ResidualLayer& layer) {
    const std::optional<Index> begin = value_;
    follow(layer.layers);
    const std::optional<Index> branch = value_;
    value_ = begin;
    follow(layer.shortcut);
    const std::optional<Index> shortcut = value_;
    value_ = branch;
    push("residual", make_sum_op<Real>(shape(), layer.weight, layer.shortcut_weight), shortcut);
  }
  void operator()(const PoolLayer&) { push("pool", make_pool_op<Real>(shape())); }

 private:
  static Index count(Scale scale, Index all) {
    return scale == Scale::none ? 0 : scale == Scale::global ? 1 : all;
  }
  void follow(const Network& network) {
    for (const Layer& layer : network) std::visit(*this, layer.kind());
  }
  const ValueShape& shape() const { return plan_.values[static_cast<std::size_t>(*value_)]; }
  /// Of the step to come.
  std::string named(const char* kind) const { return fmt::format("{} {}", kind, plan_.steps.size() + 1); }

  Slice slice(const std::string& name, Index rows, Index cols) {
    Slice made{name, plan_.parameter_count, rows, cols};
    if (made.count() > 0) plan_.parameters.push_back(made);
    plan_.parameter_count += made.count();
    return made;
  }
  void push(const char* kind, OpPointer<Real> op, std::optional<Index> second = {}) {
    op->name = named(kind);
    plan_.values.push_back(op->out);
    const Index output = std::ssize(plan_.values) - 1;
    plan_.steps.push_back({std::move(op), value_, second, output});
    value_ = output;
  }

  const ModelSpec& spec_;
  Plan<Real> plan_;
  std::optional<Index> value_;
};

}  // namespace

template <class Real>
Plan<Real> make_plan(const ModelSpec& spec) {
  check_spec(spec);
  return Planner<Real>(spec).make();
}
template Plan<float> make_plan(const ModelSpec&);
template Plan<double> make_plan(const ModelSpec&);

}  // namespace widegram::dkm
