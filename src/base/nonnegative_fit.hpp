#pragma once

#include <span>
#include <vector>

#include "src/base/matrix.hpp"

namespace widegram {

/// The x >= 0 with the least ||A x - b||. a: rows x cols, a few columns; b: rows numbers. Columns may differ
/// in size by any factor. One that the columns chosen before it already span stays out, so that fewer rows
/// than columns do no harm. Source: Lawson and Hanson, Solving Least Squares Problems (1974), chapter 23,
/// with Householder's QR of the chosen columns in every step: O(rows cols^3) in practice.
std::vector<double> nonnegative_fit(const Matrix<double>& a, std::span<const double> b);

}  // namespace widegram
