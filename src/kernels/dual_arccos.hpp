#pragma once

#include <array>

namespace widegram::kernels {

/// acos(1 - u) = sqrt(u (2 - u)) q(u) for u in [0, 1]: q is analytic there (its nearest singularity is u =
/// 2), so that a short polynomial serves, and the root is one that arc-cosine duals need anyway. Coefficients
/// of u^k, from interpolation in Chebyshev nodes in quadruple precision; relative error 1e-8 (float, 8e-8
/// evaluated) and 4e-17 (double, 2e-16 evaluated).
template <class Real>
struct ArccosOverRoot;

template <>
struct ArccosOverRoot<float> {
  static constexpr std::array<float, 10> coefficients{
      1.0f,         0.333335381f,   0.133266572f,  0.0579778015f,  0.0201634898f,
      0.030059176f, -0.0335529978f, 0.0509757585f, -0.0325916887f, 0.0111628242f};
};

template <>
struct ArccosOverRoot<double> {
  static constexpr std::array<double, 21> coefficients{1.0,
                                                       0.33333333333330945,
                                                       0.13333333333682526,
                                                       0.057142856940427839,
                                                       0.025396831596651948,
                                                       0.011543895604776996,
                                                       0.0053294482830516902,
                                                       0.0024737607111697374,
                                                       0.001251083869870826,
                                                       0.00016421047913476515,
                                                       0.0017011133906985544,
                                                       -0.003976427223224787,
                                                       0.009195329684833449,
                                                       -0.015861705441279711,
                                                       0.021534003435869531,
                                                       -0.022454256450108755,
                                                       0.017738315969163362,
                                                       -0.010259274640621509,
                                                       0.0041149405168505564,
                                                       -0.0010256396608138291,
                                                       0.00012117305831116537};
};

}  // namespace widegram::kernels
