#include "src/kernels/plane_sides.hpp"

namespace widegram::kernels {

template <class Real>
void StageSide<Real>::put(const Real* picture, Real factor, Real* to) const {
  if (form_ == Form::plain)
    put_plain(layout_, picture, factor, to);
  else
    put_shifted(layout_, picture, to);
}

template <class Real>
void StageSide<Real>::put_pixels(const SampleShape& shape, const Real* image) {
  pixels_.assign(static_cast<std::size_t>(shape.channels * number_size()), Real(0));
  for (Index c = 0; c < shape.channels; ++c)
    put(image + c * shape.pixels(), Real(1), pixels_.data() + c * number_size());
}

template <class Real>
void StageSide<Real>::put_step(std::size_t step, const Side<Real>& side, Real factor) {
  AlignedVector<Real>& numbers = steps_[step];
  numbers.assign(static_cast<std::size_t>(side.width * number_size()), Real(0));
  for (Index k = 0; k < side.width; ++k)
    put(side.view().number(k), k == 0 ? factor : Real(1), numbers.data() + k * number_size());
}

template class StageSide<float>;
template class StageSide<double>;

}  // namespace widegram::kernels
