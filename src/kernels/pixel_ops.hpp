#pragma once

#include "src/kernels/block.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// What networks do between the pixels of images, on blocks of pairs of pixels (height x width of them a
/// side). In an outer block K[p, p'] all pairs are there; in a paired one only (p, p), which average pools
/// cannot do with. T goes the way of K. Memory: one more block, given back. Cost: see flops_per_entry() in
/// shapes.hpp.

/// K(p, p') <- sum over the window of K(p + d, p' + d); missing taps are zeros or wrapped. The block becomes
/// as large as what the strides leave.
template <class Real>
void sum_windows(Block<Real>& block, const Conv& conv, Workspace<Real>& workspace);

/// K(p, p') <- mean over the windows of both pixels. Outer blocks only.
template <class Real>
void average_pool(Block<Real>& block, const AvgPool& pool, Workspace<Real>& workspace);

/// The mean over all pairs of pixels: a block of one pair. Outer blocks only.
template <class Real>
void average_pairs(Block<Real>& block);

/// The mean over the pairs (p, p): a block of one pair.
template <class Real>
void average_diagonal(Block<Real>& block);

}  // namespace widegram::kernels
