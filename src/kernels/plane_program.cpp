#include "src/kernels/plane_program.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/kernels/canonical.hpp"
#include "src/kernels/plane_arccos.hpp"

namespace widegram::kernels {
namespace {

struct NotForPlanes {
  std::string why;
};

/// A network without repeats, up to where its pixels become one number, and what comes behind.
struct Trunk {
  Network layers;
  bool diagonal = false;
  Network tail;
};

void unroll(const Network& network, Network& layers) {
  for (const Layer& layer : network)
    if (const auto* repeat = std::get_if<Repeat>(&layer.kind()))
      for (Index i = 0; i < repeat->times; ++i) unroll(repeat->layers, layers);
    else
      layers.push_back(layer);
}

Trunk trunk_of(const Network& network) {
  Trunk trunk;
  Network all;
  unroll(network, all);
  const auto head = std::find_if(all.begin(), all.end(), [](const Layer& layer) {
    return std::holds_alternative<Flatten>(layer.kind()) ||
           std::holds_alternative<GlobalAvgPool>(layer.kind());
  });
  trunk.layers.assign(all.begin(), head);
  if (head == all.end()) return trunk;
  trunk.diagonal = std::holds_alternative<Flatten>(head->kind());
  trunk.tail.assign(head + 1, all.end());
  return trunk;
}

bool keeps_pixels(const Conv& conv) {
  return conv.stride == 1 && (conv.padding != Padding::valid || conv.size == 1);
}

/// Whether a convolution is the one that the passes have built in.
bool is_plain(const WindowOp& window) { return window.size == 3 && !window.circular; }

/// Turns layers into operations, stage by stage.
class Compiler {
 public:
  explicit Compiler(const SampleShape& input) {
    program_.input = input;
    begin_stage(input.height, input.width, 1.0 / static_cast<double>(input.channels));
  }

  void layer(const Layer& layer) {
    if (const auto* conv = std::get_if<Conv>(&layer.kind()); conv != nullptr && !keeps_pixels(*conv))
      leave(*conv);
    else if (const auto* pool = std::get_if<AvgPool>(&layer.kind()))
      leave(*pool);
    else
      nonnegative_ = compile(layer, stage().ops, nonnegative_);
  }

  void tap(std::size_t output) { stage().ops.emplace_back(TapOp{output}); }

  PlaneProgram take() { return std::move(program_); }
  std::size_t stages() const { return program_.stages.size(); }

 private:
  PlaneStage& stage() { return program_.stages.back(); }

  void begin_stage(Index height, Index width, double scale) {
    PlaneStage& stage = program_.stages.emplace_back();
    stage.height = height;
    stage.width = width;
    stage.scale = scale;
  }

  template <class Windows>
  void leave(const Windows& windows) {
    stage().rows = AxisWindows::of(windows, stage().height);
    stage().cols = AxisWindows::of(windows, stage().width);
    begin_stage(stage().rows->outputs(), stage().cols->outputs(), scale_of(windows));
    enter(windows);
  }
  static double scale_of(const AvgPool& pool) {
    const auto taps = static_cast<double>(pool.size * pool.size);
    return 1 / (taps * taps);
  }
  static double scale_of(const Conv& conv) {
    return conv.weight_variance / static_cast<double>(conv.size * conv.size);
  }
  void enter(const AvgPool&) {}
  /// The sums of a convolution's taps come weighted into the next stage; what is left is the rest of a weight
  /// layer.
  void enter(const Conv& conv) { stage().ops.emplace_back(WeightOp{1.0, conv.bias_variance}); }

  /// Adds a layer's operation. Returns whether no covariance is below zero behind it, if so before it.
  bool compile(const Layer& layer, PlaneOps& ops, bool nonnegative) {
    return std::visit([&](const auto& kind) { return add(kind, ops, nonnegative); }, layer.kind());
  }
  bool compile(const Network& network, PlaneOps& ops, bool nonnegative) {
    Network layers;
    unroll(network, layers);
    for (const Layer& layer : layers) nonnegative = compile(layer, ops, nonnegative);
    return nonnegative;
  }

  bool add(const Dense& dense, PlaneOps& ops, bool nonnegative) {
    ops.emplace_back(WeightOp{dense.weight_variance, dense.bias_variance});
    return nonnegative;
  }

  bool add(const Conv& conv, PlaneOps& ops, bool nonnegative) {
    if (!keeps_pixels(conv)) throw NotForPlanes{"a stride or valid convolution inside a residual or product"};
    const double weight = conv.weight_variance / static_cast<double>(conv.size * conv.size);
    if (conv.size == 1) {
      ops.emplace_back(WeightOp{weight, conv.bias_variance});
      return nonnegative;
    }
    stage().reach = std::max(stage().reach, conv.size / 2);
    WindowOp window{conv.size, conv.padding == Padding::circular, weight, conv.bias_variance};
    if (is_plain(window)) {
      if (ops.empty() && &ops == &stage().ops && stages() == 1) {  // no T yet
        window.row_summed = true;
        stage().scale *= weight;
      } else if (DualOp* const dual = last_relu(ops)) {
        window.row_summed = dual->row_sums = true;
        dual->scale = weight;
      }
    }
    ops.emplace_back(window);
    return nonnegative;
  }

  /// The piecewise linear activation, if any, that comes last. Taps behind it get one of their own, so that
  /// what they see is not weighted for the layer to come.
  DualOp* last_relu(PlaneOps& ops) {
    std::size_t place = ops.size();
    while (place > 0 && std::holds_alternative<TapOp>(ops[place - 1])) --place;
    if (place == 0) return nullptr;
    const auto* dual = std::get_if<DualOp>(&ops[place - 1]);
    if (dual == nullptr || !std::holds_alternative<AbRelu>(dual->activation)) return nullptr;
    for (std::size_t i = place; i < ops.size(); ++i) {
      DualOp own = *dual;
      own.step = stage().steps.size();
      stage().steps.emplace_back(own.activation);
      std::get<TapOp>(ops[i]).dual = own;
    }
    std::rotate(ops.begin() + static_cast<std::ptrdiff_t>(place) - 1,
                ops.begin() + static_cast<std::ptrdiff_t>(place), ops.end());
    return &std::get<DualOp>(ops.back());
  }

  bool add(const Activation& activation, PlaneOps& ops, bool nonnegative) {
    if (std::holds_alternative<Numerical>(activation))
      throw NotForPlanes{fmt::format("the activation {}, which has no closed form", canonical(activation))};
    ops.emplace_back(DualOp{activation, stage().steps.size(), nonnegative});
    stage().steps.emplace_back(activation);
    const auto* relu = std::get_if<AbRelu>(&activation);
    return relu != nullptr && relu->a * relu->b <= 0;
  }

  bool add(const LayerNorm& norm, PlaneOps& ops, bool nonnegative) {
    ops.emplace_back(NormOp{stage().steps.size()});
    stage().steps.emplace_back(norm);
    return nonnegative;
  }

  bool add(const Dropout& dropout, PlaneOps& ops, bool nonnegative) {
    ops.emplace_back(DropOp{dropout.keep});
    return nonnegative;
  }

  bool add(const Residual& residual, PlaneOps& ops, bool nonnegative) {
    return branches({&residual.layers, &residual.shortcut}, {false, residual.scale * residual.scale, {}}, ops,
                    nonnegative);
  }
  bool add(const Product& product, PlaneOps& ops, bool nonnegative) {
    std::vector<const Network*> networks;
    for (const Network& branch : product.branches) networks.push_back(&branch);
    return branches(networks, {true, 1.0, {}}, ops, nonnegative);
  }
  bool branches(const std::vector<const Network*>& networks, BranchOp op, PlaneOps& ops, bool nonnegative) {
    bool all = true;
    for (const Network* network : networks) {
      op.branches.emplace_back();
      all &= compile(*network, op.branches.back(), nonnegative);
    }
    ops.emplace_back(std::move(op));
    return all;
  }

  bool add(const Repeat& repeat, PlaneOps& ops, bool nonnegative) {
    return compile(Network{Layer{repeat}}, ops, nonnegative);
  }
  bool add(const AvgPool&, PlaneOps&, bool) {
    throw NotForPlanes{"an average pool inside a residual or product"};
  }
  bool add(const GlobalAvgPool&, PlaneOps&, bool) {
    throw NotForPlanes{"a global average inside a residual or product"};
  }
  bool add(const Flatten&, PlaneOps&, bool) { throw NotForPlanes{"a flatten inside a residual or product"}; }

  PlaneProgram program_;
  bool nonnegative_ = false;
};

bool starts_with(const Network& whole, const Network& part) {
  return part.size() <= whole.size() &&
         canonical(Network(whole.begin(), whole.begin() + std::ssize(part))) == canonical(part);
}

/// Tells the steps of piecewise linear activations how they are weighted.
void set_factors(const PlaneOps& ops, std::vector<double>& factors) {
  const auto set = [&](const DualOp& dual) {
    if (const auto* relu = std::get_if<AbRelu>(&dual.activation))
      factors[dual.step] = arccos_factor(*relu, dual.scale);
  };
  for (const PlaneOp& op : ops)
    if (const auto* dual = std::get_if<DualOp>(&op.kind())) {
      set(*dual);
    } else if (const auto* tap = std::get_if<TapOp>(&op.kind())) {
      if (tap->dual) set(*tap->dual);
    } else if (const auto* branch = std::get_if<BranchOp>(&op.kind())) {
      for (const PlaneOps& ops_of : branch->branches) set_factors(ops_of, factors);
    }
}

/// Follows from the end which planes a stage has to see.
void plan_offsets(PlaneProgram& program) {
  const bool all = std::any_of(program.outputs.begin(), program.outputs.end(),
                               [](const PlaneOutput& output) { return !output.diagonal; });
  for (std::size_t i = program.stages.size(); i-- > 0;) {
    PlaneStage& stage = program.stages[i];
    if (!stage.rows) {
      stage.planes =
          all ? OffsetSet{all_offsets(stage.height), all_offsets(stage.width)} : OffsetSet{{0}, {0}};
      stage.variance_planes = {{0}, {0}};
      continue;
    }
    const PlaneStage& next = program.stages[i + 1];
    stage.planes = {stage.rows->needs(next.planes.dy), stage.cols->needs(next.planes.dx)};
    stage.variance_planes = {stage.rows->needs(next.variance_planes.dy),
                             stage.cols->needs(next.variance_planes.dx)};
  }
}

PlaneProgram compile(std::span<const Network> networks, const SampleShape& input) {
  std::vector<Trunk> trunks;
  for (const Network& network : networks) trunks.push_back(trunk_of(network));
  const Trunk& longest = *std::max_element(trunks.begin(), trunks.end(), [](const Trunk& a, const Trunk& b) {
    return a.layers.size() < b.layers.size();
  });
  for (const Trunk& trunk : trunks)
    if (!starts_with(longest.layers, trunk.layers))
      throw NotForPlanes{"networks of which one is not the beginning of the other"};

  Compiler compiler(input);
  std::vector<std::size_t> stages(trunks.size());
  for (std::size_t done = 0; done <= longest.layers.size(); ++done) {
    for (std::size_t i = 0; i < trunks.size(); ++i) {
      if (trunks[i].layers.size() != done) continue;
      compiler.tap(i);
      stages[i] = compiler.stages();
    }
    if (done < longest.layers.size()) compiler.layer(longest.layers[done]);
  }
  for (const std::size_t stage : stages)
    if (stage != compiler.stages())
      throw NotForPlanes{"networks that end before a pool that another one has"};

  PlaneProgram program = compiler.take();
  for (Trunk& trunk : trunks) program.outputs.push_back({trunk.diagonal, std::move(trunk.tail)});
  for (PlaneStage& stage : program.stages) {
    stage.factors.assign(stage.steps.size(), 1.0);
    set_factors(stage.ops, stage.factors);
  }
  plan_offsets(program);
  return program;
}

}  // namespace

std::optional<PlaneProgram> plane_program(std::span<const Network> networks, const SampleShape& input,
                                          std::string* why) {
  try {
    return compile(networks, input);
  } catch (const NotForPlanes& reason) {
    if (why != nullptr) *why = reason.why;
    return std::nullopt;
  }
}

}  // namespace widegram::kernels
