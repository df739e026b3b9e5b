#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "src/base/sample_shape.hpp"
#include "src/kernels/member_trace.hpp"
#include "src/kernels/network.hpp"
#include "src/kernels/plane_axis.hpp"

namespace widegram::kernels {

/// Networks on images, as the plane engine runs them: stages, between which the number of pixels changes, and
/// inside a stage operations under which every offset plane (plane_layout.hpp) stays for itself.

struct PlaneOp;
using PlaneOps = std::vector<PlaneOp>;

/// A convolution of stride 1 that leaves the number of pixels as it is.
struct WindowOp {
  Index size;
  bool circular;
  double weight;  ///< of each tap
  double bias;
  bool row_summed =
      false;  ///< what comes before it has already weighted its values and summed them along the rows
};

struct WeightOp {
  double weight;
  double bias;
};

/// An activation, with the number of its step: its place among the stage's operations that need variances.
struct DualOp {
  Activation activation;
  std::size_t step;
  bool nonnegative = false;  ///< no covariance that meets it is below zero
  double scale = 1;          ///< see WindowOp::row_summed: the weight of its taps
  bool row_sums = false;
};

struct NormOp {
  std::size_t step;
};

struct DropOp {
  double keep;
};

/// scale^2 * first + second, or the product of all.
struct BranchOp {
  bool product;
  double scale;
  std::vector<PlaneOps> branches;
};

/// The plane, as it is or behind an activation that does not count for what follows, is part of what network
/// number `output` averages.
struct TapOp {
  std::size_t output;
  std::optional<DualOp> dual = {};
};

struct PlaneOp : std::variant<WindowOp, WeightOp, DualOp, NormOp, DropOp, BranchOp, TapOp> {
  using variant::variant;
  const variant& kind() const { return *this; }
};

/// Offsets of planes, all combinations of a vertical and a horizontal one.
struct OffsetSet {
  std::vector<Index> dy;
  std::vector<Index> dx;
  bool only_zero() const { return dy.size() == 1 && dx.size() == 1 && dy[0] == 0 && dx[0] == 0; }
  std::size_t size() const { return dy.size() * dx.size(); }
};

struct PlaneStage {
  Index height = 0;
  Index width = 0;
  double scale = 1;  ///< of what it is given
  PlaneOps ops;
  std::vector<VarianceLayer> steps;
  std::vector<double> factors;  ///< of each step: what the first image's first number is multiplied by
  std::optional<AxisWindows> rows, cols;  ///< how it passes on to the next; none at the end
  OffsetSet planes;                       ///< that an entry needs
  OffsetSet variance_planes;  ///< that the variances of the stages to come need: of an image with itself
  Index reach = 1;            ///< of the widest window, to either side
};

/// How a network's planes become one number.
struct PlaneOutput {
  bool diagonal = false;  ///< flatten: the plane of offset 0 alone; else the mean over all pairs of pixels
  Network tail;           ///< what comes behind, on vectors
};

struct PlaneProgram {
  SampleShape input;
  std::vector<PlaneStage> stages;
  std::vector<PlaneOutput> outputs;  ///< one a network
};

/// Empty where planes do not know the networks, with the reason in `why` if asked for: an activation by
/// quadrature; a stride, pool or valid convolution inside a residual or product; several networks that are
/// not one network read at several depths of its last stage. The networks must fit the input.
std::optional<PlaneProgram> plane_program(std::span<const Network> networks, const SampleShape& input,
                                          std::string* why = nullptr);

}  // namespace widegram::kernels
