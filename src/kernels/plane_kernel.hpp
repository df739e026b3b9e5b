#pragma once

#include <memory>
#include <vector>

#include "src/kernels/plane_runner.hpp"
#include "src/kernels/plane_transition.hpp"

namespace widegram::kernels {

/// Runs a program of planes on pairs of images. Scratch: the planes of all stages but the first. One thread
/// at a time.
template <class Real>
class PlaneKernel {
 public:
  explicit PlaneKernel(const PlaneProgram& program);

  /// What an image's pairs have to know of it, as the first and as the second of them.
  struct Image {
    ImageSide<Real> plain;
    ImageSide<Real> shifted;
  };
  /// image: channels x height x width values. Cost: the planes that variances need
  /// (PlaneStage::variance_planes). Throws as report_overflow() says.
  Image prepare(const Real* image, std::int64_t sample);

  /// The means that the program's outputs ask for, one an output. wants_ntk: else the tangents are left at
  /// zero.
  std::vector<PlaneSums> pair(const ImageSide<Real>& first, const ImageSide<Real>& second, bool wants_ntk);

  /// The same of an image with itself, to whose pixels the same happens where something is dropped.
  std::vector<PlaneSums> self(const Image& image);

  /// What it holds, and the sides of the pairs of `firsts` images with one.
  double bytes(Index firsts) const;

 private:
  /// Planes from one stage to the next.
  struct Passage {
    PlaneSet<Real> planes;
    PlaneTransition<Real> transition;
    Passage(const PlaneStage& stage, const PlaneLayout& from, const OffsetSet& offsets, const PlaneLayout& to,
            const OffsetSet& next)
        : planes(to, next), transition(stage, from, offsets, planes) {}
  };
  struct Stage {
    PlaneLayout layout;
    std::unique_ptr<PlaneRunner<Real>> runner;
    std::unique_ptr<Passage>
        entry;  ///< to the next stage, of all planes that entries need; none for the last
    std::unique_ptr<Passage> variances;  ///< of those that variances need
  };
  /// What a stage is given: nothing, for the first, or planes.
  struct Given {
    PlaneSet<Real>* planes = nullptr;
    Tangent tangent = Tangent::unwanted;
  };
  Plane<Real> begin(std::size_t stage, const Given& given, std::size_t row, std::size_t col);
  /// Takes the planes of a stage through it, and on to the next if there is a passage. Returns what the next
  /// one is given.
  Given run(std::size_t stage, const Given& given, const OffsetSet& offsets, Passage* passage,
            std::span<PlaneSums> sums);
  std::vector<PlaneSums> run(const ImageSide<Real>& first, const ImageSide<Real>& second, bool wants_ntk,
                             bool same);

  const PlaneProgram& program_;
  Workspace<Real> workspace_;
  std::vector<Stage> stages_;
};

extern template class PlaneKernel<float>;
extern template class PlaneKernel<double>;

}  // namespace widegram::kernels
