#pragma once

#include "src/kernels/activation.hpp"
#include "src/kernels/plane_rows.hpp"

namespace widegram::kernels {

/// The dual of a function that is linear on either side of zero with all that surrounds it: of c and t, what
/// the rows say plus bias, it leaves K = scale D(c) and T = scale D'(c) t, plus K where it leaves sums of a
/// row for a weight layer.
template <class Real>
struct ArccosPass {
  AbRelu activation;
  double scale = 1;  ///< the weight of each tap of the layer to come
  Rows found = Rows::whole;
  Rows leave = Rows::whole;
  Real bias = 0;              ///< of the layer before
  bool nonnegative = false;   ///< no covariance is below zero
  PairNumbers<Real> numbers;  ///< roots of the variances (plain: times arccos_factor()), their reciprocals
};

/// What the plain form of an ArccosPass's roots is multiplied by.
double arccos_factor(const AbRelu& activation, double scale);

/// May write one or more rows above where it reads, or in place if it finds whole rows.
template <class Real>
using ArccosFunction = void (*)(const PlanePlace<Real>& place, const ArccosPass<Real>& pass,
                                const PlaneRows<Real>& in, const PlaneRows<Real>& out);

/// The one for this machine: apart from the other passes, for it takes the compiler as long as they all.
template <class Real>
ArccosFunction<Real> arccos_function();
template <>
ArccosFunction<float> arccos_function();
template <>
ArccosFunction<double> arccos_function();

}  // namespace widegram::kernels
