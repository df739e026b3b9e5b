#pragma once

#include <span>
#include <vector>

#include "src/base/aligned_vector.hpp"
#include "src/kernels/plane_rows.hpp"
#include "src/kernels/plane_program.hpp"

namespace widegram::kernels {

/// Whether an image is the first or the second of its pairs, or both.
enum class Form { plain, shifted };

/// What one stage has to know of the pixels of one image, in one of both forms: at the first stage their
/// values, then for each step the numbers that its operation needs of each variance.
template <class Real>
class StageSide {
 public:
  StageSide(const PlaneLayout& layout, Form form, std::size_t steps)
      : layout_(layout), form_(form), steps_(steps) {}

  /// The image: a picture a channel.
  void put_pixels(const SampleShape& shape, const Real* image);
  /// A step's numbers, of which the plain form's first counts times `factor`.
  void put_step(std::size_t step, const Side<Real>& side, Real factor);

  const Real* pixels() const { return pixels_.data(); }
  const Real* step(std::size_t step) const { return steps_[step].data(); }
  Index width(std::size_t step) const { return std::ssize(steps_[step]) / number_size(); }
  /// Between two numbers.
  Index number_size() const {
    return (form_ == Form::plain ? layout_.size() : layout_.shifted_size()) + 6 * layout_.lanes;
  }

 private:
  void put(const Real* picture, Real factor, Real* to) const;

  PlaneLayout layout_;
  Form form_;
  AlignedVector<Real> pixels_;
  std::vector<AlignedVector<Real>> steps_;
};

/// All stages of one image.
template <class Real>
using ImageSide = std::vector<StageSide<Real>>;

template <class Real>
PairNumbers<Real> pair_pixels(const StageSide<Real>& first, const StageSide<Real>& second) {
  return {first.pixels(), first.number_size(), second.pixels(), second.number_size()};
}

template <class Real>
PairNumbers<Real> pair_step(const StageSide<Real>& first, const StageSide<Real>& second, std::size_t step) {
  return {first.step(step), first.number_size(), second.step(step), second.number_size()};
}

}  // namespace widegram::kernels
