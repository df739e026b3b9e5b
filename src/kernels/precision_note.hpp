#pragma once

#include <span>
#include <string>

#include "src/base/sample_shape.hpp"
#include "src/kernels/network.hpp"

namespace widegram::kernels {

/// What float32 entries are held to: their distance from float64 ones, relative to sqrt(K(x, x) K(z, z)).
constexpr double float32_tolerance = 5e-6;

/// The largest such distance among five made-up inputs that are hard for single precision. Two differ by 20 %
/// in every value; two have one background, half of the picture, in front of which they differ; three share
/// the other half, one of them with specks of 1/256. (Pairs that are alike as a whole, which
/// engines find and compute in double, are not among them.) 0 where entries are computed in double and only
/// rounded (PixelEngine); infinity where they overflow in float32 but not in float64.
/// functions: one or both, each counts. Cost: five samples prepared and, for each function, ten entries, in
/// both precisions. Throws Error(usage) as make_engine() does, Error(numerical) where the inputs overflow in
/// double as well.
///
/// Measured on the network itself, rather than told by rules, because what decides is where its own variances
/// lead the correlations of its pixels: the digits of 1 - rho that single precision has lost come back as an
/// error of their root in the slope of a kink, and many layers add theirs up. On 13 images of 3 x 9 x 18
/// (near copies, mixtures, negatives, dim, flat and sparse ones), with pairs of correlation 1 - 2^-10 and
/// more in double (PlaneEngine's 1 - 2^-6 spares the worst of the flattened ones), layers 3 x 3 and `same`,
/// the worst of all pairs was as follows. Of a dozen of these networks compared, the five inputs found
/// between a third and all of it: a distance just below the tolerance may be just above it on worse images.
/// - relu, w 2, b 0, global average, NTK: 3e-7 at depth 21, 2e-6 at 50, 1e-5 at 100, 6e-5 at 200, 2e-4 at
///   400; NNGP 4e-6 at 400;
/// - the same, flattened, NTK: 2e-6 at depth 10, 8e-6 at 21, 3e-5 at 50, 8e-5 at 100, 2e-4 at 200; NNGP 3e-6
///   at 400;
/// - residual relu blocks of two convolutions, NTK: global average 1e-6 at 25 blocks, 6e-6 at 50; flattened
///   4e-6 at 5, 2e-5 at 10; with layer norms 1e-7 and 7e-6 at 25 blocks of one convolution;
/// - relu and abs with variances that drive all pixels to one value (w 0.5, b 0.1), flattened, NTK: 6e-5 to
///   3e-4 at depths 10 and 21; global average 2e-6;
/// - sign, either function: 1e-4, flattened up to 8e-4: its value itself goes with the root;
/// - smooth ones: erf, gelu, sin, cos below 5e-6 up to depth 21 and w 8; rbf 6e-5 and gaussian 8e-6 at w 8
///   and depth 4; exp_normalized 5e-6, with gamma 4 1e-5; exp 2e-6 at one layer, overflow at two;
/// - dense on 300 features, NTK: relu 7e-6 at depth 21, 2e-5 at 50; erf with w 4 4e-5 at 10.
double float32_distance(const Network& network, std::span<const Function> functions,
                        const SampleShape& input);

/// The worst of several networks in one line, for `describe`. Throws Error(usage) as make_engine() does.
std::string precision_note(std::span<const Network> networks, std::span<const Function> functions,
                           const SampleShape& input);

}  // namespace widegram::kernels
