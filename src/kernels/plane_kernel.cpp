#include "src/kernels/plane_kernel.hpp"

#include <algorithm>
#include <cmath>

#include "src/kernels/steps.hpp"

namespace widegram::kernels {
namespace {

/// The registers of a row after windows: those that move by their own size keep their lanes where they can.
PlaneLayout next_layout(const PlaneLayout& layout, const PlaneStage& stage, const PlaneStage& next,
                        Index lanes) {
  const Index ratio = stage.width / next.width;
  const bool alone = next.planes.only_zero();
  if (ratio * next.width == stage.width && layout.vectors % ratio == 0)
    return {next.height, next.width, lanes, alone, layout.vectors / ratio};
  return {next.height, next.width, lanes, alone};
}

/// Planes that go through a stage together: with what a layer knows of the images they fit into a first-level
/// cache.
constexpr std::size_t together = 2;

std::vector<double> picture_of(const PlaneLayout& layout, const auto* values) {
  std::vector<double> picture(static_cast<std::size_t>(layout.pixels()));
  for_each_pixel(layout, [&](Index pixel, Index place) {
    picture[static_cast<std::size_t>(pixel)] = static_cast<double>(values[place]);
  });
  return picture;
}

template <class Real>
Side<Real> side_of(const VarianceLayer& step, std::span<const double> variances) {
  if (const auto* norm = std::get_if<LayerNorm>(&step)) return layernorm_side<Real>(*norm, variances);
  return dual_side<Real>(std::get<Activation>(step), variances);
}

}  // namespace

template <class Real>
PlaneKernel<Real>::PlaneKernel(const PlaneProgram& program) : program_(program) {
  const Index lanes = plane_passes<Real>().lanes;
  const std::vector<PlaneStage>& stages = program.stages;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    Stage stage;
    stage.layout = s == 0
                       ? PlaneLayout(stages[s].height, stages[s].width, lanes, stages[s].planes.only_zero())
                       : next_layout(stages_[s - 1].layout, stages[s - 1], stages[s], lanes);
    stage.runner = std::make_unique<PlaneRunner<Real>>(program, s, stage.layout, workspace_);
    stages_.push_back(std::move(stage));
    if (s == 0) continue;
    Stage& before = stages_[s - 1];
    const auto passage = [&](const OffsetSet& offsets, const OffsetSet& next) {
      return std::make_unique<Passage>(stages[s - 1], before.layout, offsets, stages_[s].layout, next);
    };
    before.entry = passage(stages[s - 1].planes, stages[s].planes);
    before.variances = passage(stages[s - 1].variance_planes, stages[s].variance_planes);
  }
}

template <class Real>
Plane<Real> PlaneKernel<Real>::begin(std::size_t stage, const Given& given, std::size_t row,
                                     std::size_t col) {
  PlaneRows<Real> values = given.planes->plane(row, col);
  if (given.tangent != Tangent::separate) values.ntk = nullptr;
  return stages_[stage].runner->begin(values, given.tangent);
}

template <class Real>
auto PlaneKernel<Real>::run(std::size_t stage, const Given& given, const OffsetSet& offsets, Passage* passage,
                            std::span<PlaneSums> sums) -> Given {
  PlaneRunner<Real>& runner = *stages_[stage].runner;
  if (passage != nullptr) passage->planes.clear();
  Tangent left = given.tangent;
  std::vector<OffsetPlane<Real>> group;
  group.reserve(together);
  for (std::size_t col = 0; col < offsets.dx.size(); ++col) {
    if (passage != nullptr) passage->transition.begin_column();
    for (std::size_t first = 0; first < offsets.dy.size(); first += together) {
      const std::size_t end = std::min(first + together, offsets.dy.size());
      for (std::size_t row = first; row < end; ++row) {
        const Offset offset{offsets.dy[row], offsets.dx[col]};
        group.push_back({offset, given.planes == nullptr
                                     ? runner.begin(offset, given.tangent != Tangent::unwanted)
                                     : begin(stage, given, row, col)});
      }
      runner.run(group, sums);
      left = group.front().plane.tangent;
      for (std::size_t row = first; passage != nullptr && row < end; ++row)
        passage->transition.add(row, group[row - first].plane.readable());
      group.clear();
    }
    if (passage != nullptr) passage->transition.end_column(col);
  }
  // Where T is K, the passage has taken K along as T.
  return {passage == nullptr ? nullptr : &passage->planes, left == Tangent::equal ? Tangent::separate : left};
}

template <class Real>
std::vector<PlaneSums> PlaneKernel<Real>::run(const ImageSide<Real>& first, const ImageSide<Real>& second,
                                              bool wants_ntk, bool same) {
  std::vector<PlaneSums> sums(program_.outputs.size());
  Given given{nullptr, wants_ntk ? Tangent::zero : Tangent::unwanted};
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    stages_[s].runner->pair(first[s], second[s]);
    stages_[s].runner->pair_with_itself(same);
    given = run(s, given, program_.stages[s].planes, stages_[s].entry.get(), sums);
  }
  const auto pixels = static_cast<double>(stages_.back().layout.pixels());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double count = program_.outputs[i].diagonal ? pixels : pixels * pixels;
    sums[i].nngp /= count;
    sums[i].ntk /= count;
  }
  return sums;
}

template <class Real>
std::vector<PlaneSums> PlaneKernel<Real>::pair(const ImageSide<Real>& first, const ImageSide<Real>& second,
                                               bool wants_ntk) {
  return run(first, second, wants_ntk, false);
}

template <class Real>
std::vector<PlaneSums> PlaneKernel<Real>::self(const Image& image) {
  return run(image.plain, image.shifted, true, true);
}

/// Variances come from the same passes, in the same precision, as pairs do: where two images have equal
/// pixels, their covariance is the variance to the bit.
template <class Real>
auto PlaneKernel<Real>::prepare(const Real* image, std::int64_t sample) -> Image {
  Image sides;
  Given given{nullptr, Tangent::unwanted};
  std::size_t steps_before = 0;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    const PlaneStage& stage = program_.stages[s];
    const PlaneLayout& layout = stages_[s].layout;
    StageSide<Real>& plain = sides.plain.emplace_back(layout, Form::plain, stage.steps.size());
    StageSide<Real>& shifted = sides.shifted.emplace_back(layout, Form::shifted, stage.steps.size());
    if (s == 0) {
      plain.put_pixels(program_.input, image);
      shifted.put_pixels(program_.input, image);
    }
    PlaneRunner<Real>& runner = *stages_[s].runner;
    runner.pair(plain, shifted);
    runner.pair_with_itself(true);
    runner.record([&](std::size_t step, const Real* variances) {
      const std::vector<double> picture = picture_of(layout, variances);
      for (const double variance : picture)
        if (!std::isfinite(variance))
          report_overflow(sample, stage.steps[step], steps_before + step, variance);
      const Side<Real> side = side_of<Real>(stage.steps[step], picture);
      plain.put_step(step, side, static_cast<Real>(stage.factors[step]));
      shifted.put_step(step, side, Real(1));
    });
    OffsetPlane<Real> zero{{0, 0}, s == 0 ? runner.begin({0, 0}, false) : begin(s, given, 0, 0)};
    runner.run(std::span(&zero, 1), {});
    runner.record({});
    if (stages_[s].variances) given = run(s, given, stage.variance_planes, stages_[s].variances.get(), {});
    steps_before += stage.steps.size();
  }
  return sides;
}

template <class Real>
double PlaneKernel<Real>::bytes(Index firsts) const {
  double values = 0;
  for (std::size_t s = 0; s < stages_.size(); ++s) {
    const PlaneStage& stage = program_.stages[s];
    const PlaneLayout& layout = stages_[s].layout;
    double numbers = s == 0 ? static_cast<double>(program_.input.channels) : 0.0;
    for (const VarianceLayer& step : stage.steps)
      numbers += static_cast<double>(side_of<Real>(step, std::vector<double>{1.0}).width);
    values += numbers * static_cast<double>(firsts * layout.size() + 2 * layout.shifted_size());
    if (s > 0)
      values += 2 * static_cast<double>(stage.planes.size() + stage.variance_planes.size()) *
                static_cast<double>(layout.size());
  }
  return values * sizeof(Real);
}

template class PlaneKernel<float>;
template class PlaneKernel<double>;

}  // namespace widegram::kernels
