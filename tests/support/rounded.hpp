#pragma once

#include "src/base/matrix.hpp"

namespace widegram::test {

/// The values in a precision of their own.
template <class Real>
Matrix<Real> rounded(const Matrix<double>& values) {
  Matrix<Real> result(values.rows(), values.cols());
  for (Index i = 0; i < values.rows() * values.cols(); ++i)
    result.data()[i] = static_cast<Real>(values.data()[i]);
  return result;
}

}  // namespace widegram::test
