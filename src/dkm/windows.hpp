#pragma once

#include <algorithm>
#include <vector>

#include "src/dkm/op.hpp"

namespace widegram::dkm {

/// Where the windows of a convolution lie: size x size, zeros around (size / 2).
struct Windows {
  Index height = 1, width = 1;  ///< of the input
  Index size = 1, stride = 1;

  Index pad() const { return size / 2; }
  Index padded_height() const { return height + 2 * pad(); }
  Index padded_width() const { return width + 2 * pad(); }
  Index out_height() const { return (height + 2 * pad() - size) / stride + 1; }
  Index out_width() const { return (width + 2 * pad() - size) / stride + 1; }

  /// Of padded images of `rows` numbers a position: a column is a window, row by row.
  Columns columns(Index samples, Index rows) const {
    return {.images = samples,
            .height = out_height(),
            .width = out_width(),
            .image_step = padded_height() * padded_width() * rows,
            .row_step = stride * padded_width() * rows,
            .column_step = stride * rows,
            .segments = size,
            .segment_step = padded_width() * rows,
            .length = size * rows};
  }
};

/// Copies of images with zeros around; the margin is written once.
template <class Real>
class PaddedImages {
 public:
  PaddedImages(Index height, Index width, Index pad, Index rows)
      : height_(height), width_(width), pad_(pad), rows_(rows) {}

  Real* fill(const Real* images, Index samples) {
    Real* const to = reserve(samples);
    for (Index s = 0; s < samples; ++s)
      for (Index y = 0; y < height_; ++y)
        std::copy_n(images + (s * height_ + y) * width_ * rows_, width_ * rows_, to + row(s, y));
    return to;
  }
  /// Zeros everywhere.
  Real* clear(Index samples) {
    Real* const to = reserve(samples);
    std::fill_n(to, samples * image(), Real{0});
    return to;
  }
  void take_inside(Index samples, Real* images) const {
    for (Index s = 0; s < samples; ++s)
      for (Index y = 0; y < height_; ++y)
        std::copy_n(data_.data() + row(s, y), width_ * rows_, images + (s * height_ + y) * width_ * rows_);
  }
  /// Begin of what lies inside a row.
  Index row(Index sample, Index y) const {
    return sample * image() + ((y + pad_) * (width_ + 2 * pad_) + pad_) * rows_;
  }
  Real* data() { return data_.data(); }

  Real* reserve(Index samples) { return at_least(data_, samples * image()); }

 private:
  Index image() const { return (height_ + 2 * pad_) * (width_ + 2 * pad_) * rows_; }

  Index height_, width_, pad_, rows_;
  AlignedVector<Real> data_;
};

/// Means over what of each window lies inside the image.
class WindowMeans {
 public:
  explicit WindowMeans(const Windows& windows) : w_(windows) {}

  template <class Real>
  void values(const Real* t, Index samples, Real* out) const {
    for_each(samples, [&](Index from, Index to, double share, bool first) {
      out[to] = (first ? Real{0} : out[to]) + static_cast<Real>(share) * t[from];
    });
  }
  template <class Real>
  void adjoint(const Real* d_out, Index samples, Real* d_t) const {
    std::fill_n(d_t, samples * w_.height * w_.width, Real{0});
    for_each(samples, [&](Index from, Index to, double share, bool) {
      d_t[from] += static_cast<Real>(share) * d_out[to];
    });
  }

 private:
  template <class Use>
  void for_each(Index samples, const Use& use) const {
    Index to = 0;
    for (Index s = 0; s < samples; ++s)
      for (Index y = 0; y < w_.out_height(); ++y)
        for (Index x = 0; x < w_.out_width(); ++x, ++to) {
          const Range rows = inside(y, w_.height), cols = inside(x, w_.width);
          const double share = 1.0 / static_cast<double>(rows.size() * cols.size());
          bool first = true;
          for (Index i = rows.begin; i < rows.end; ++i)
            for (Index j = cols.begin; j < cols.end; ++j) {
              use((s * w_.height + i) * w_.width + j, to, share, first);
              first = false;
            }
        }
  }
  Range inside(Index out, Index length) const {
    const Index begin = out * w_.stride - w_.pad();
    return {std::max(begin, Index{0}), std::min(begin + w_.size, length)};
  }

  Windows w_;
};

}  // namespace widegram::dkm
