#pragma once

#include <memory>

#include "src/dkm/kernel_map.hpp"

namespace widegram::dkm {

/// The dual of a polynomial or of a numerical function: sum_n v_n(a) v_n(b) rho^n (kernels/series.hpp). E[z
/// phi'(u) h_n(z)] = sqrt(n + 1) d_(n+1) + sqrt(n) d_(n-1) gives the derivative by a member's variance as a
/// series of the same form; a kink's rest, homogeneous of degree 2 in u, is twice that of the value.
template <class Real>
std::unique_ptr<KernelMap<Real>> make_series_map(const kernels::Activation& activation);

}  // namespace widegram::dkm
