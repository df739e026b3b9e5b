#pragma once

#include "src/base/index.hpp"

namespace widegram::kernels {

/// Pairs of pixels (p, p + d) of two images, for one offset d = (dy, dx), form an offset plane: a picture of
/// height x width values, one for each p. Offsets wrap around: the plane of d holds the pairs of the true
/// offsets d, d - height, d - width and both, which lie beside each other and meet at seams. All pairs of
/// pixels are height x width planes without an idle place. Convolutions of stride 1 and everything pointwise
/// act inside a plane.
///
/// In memory, a row of a plane is `vectors` vector registers of `lanes` values, and pixel x lies in vector x
/// mod vectors, lane x / vectors: neighbours in the picture are neighbouring registers, so that hardly any
/// lane has to move. Places behind the width hold nothing of use.
///
/// What belongs to the pixels of the second image is read at p + d. It is kept `shifted`: for each row,
/// `vectors` runs of which run f holds the columns f, f + vectors, f + 2 vectors, ... around the row twice,
/// so that a register of any offset is one contiguous load.
struct PlaneLayout {
  Index height = 0;
  Index width = 0;
  Index lanes = 0;
  Index vectors = 0;
  Index run = 0;  ///< places of one run of a shifted row

  PlaneLayout() = default;
  /// As many registers as the width needs, unless told. alone: no plane but that of offset 0 is wanted, and
  /// both images are kept alike.
  PlaneLayout(Index height, Index width, Index lanes, bool alone)
      : PlaneLayout(height, width, lanes, alone, ceil_div(width, lanes)) {}
  PlaneLayout(Index height, Index width, Index lanes, bool alone, Index vectors)
      : height(height),
        width(width),
        lanes(lanes),
        vectors(vectors),
        run(alone ? lanes : round_up(ceil_div(2 * width, vectors) + lanes, lanes)) {}

  Index pixels() const { return height * width; }
  Index stride() const { return vectors * lanes; }
  Index size() const { return height * stride(); }
  Index slot(Index x) const { return x % vectors * lanes + x / vectors; }

  Index shifted_stride() const { return vectors * run; }
  Index shifted_size() const { return height * shifted_stride(); }
  /// Where register v of a row begins when the second image is seen dx columns further right.
  Index shifted_start(Index dx, Index v) const { return (dx + v) % vectors * run + (dx + v) / vectors; }
};

/// Which pairs a plane holds.
struct Offset {
  Index dy = 0;
  Index dx = 0;
  bool operator==(const Offset&) const = default;
};

/// Calls use(pixel, place) for every pixel, row by row, with its place in a plane.
template <class Use>
void for_each_pixel(const PlaneLayout& layout, const Use& use) {
  for (Index y = 0; y < layout.height; ++y)
    for (Index v = 0; v < layout.vectors; ++v) {
      Index place = y * layout.stride() + v * layout.lanes;
      for (Index x = v; x < layout.width; x += layout.vectors) use(y * layout.width + x, place++);
    }
}

/// Puts a picture, row by row, where a plane wants it.
template <class Real, class From>
void put_plain(const PlaneLayout& layout, const From* picture, Real factor, Real* to) {
  for_each_pixel(layout,
                 [&](Index pixel, Index place) { to[place] = factor * static_cast<Real>(picture[pixel]); });
}

template <class Real, class From>
void put_shifted(const PlaneLayout& layout, const From* picture, Real* to) {
  for (Index y = 0; y < layout.height; ++y)
    for (Index f = 0; f < layout.vectors; ++f) {
      Index column = f % layout.width;
      for (Index j = 0; j < layout.run; ++j) {
        to[y * layout.shifted_stride() + f * layout.run + j] =
            static_cast<Real>(picture[y * layout.width + column]);
        column = (column + layout.vectors) % layout.width;
      }
    }
}

}  // namespace widegram::kernels
