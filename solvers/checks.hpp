#pragma once

#include "src/dist/matrix.hpp"

namespace widegram::solvers {

/// Collective over the grid. Throws Error(numerical) naming the first entry (column by column) that is NaN or
/// infinite. Reads every entry once.
void check_finite(const dist::DistributedMatrix<double>& a, const char* what);

/// The same for a matrix that every rank has as a whole. No communication.
void check_finite(MatrixView<const double> whole, const char* what);

/// Throws Error(usage) where the ridge is negative or not a number. Every rank brings the same.
void check_ridge(double ridge);

}  // namespace widegram::solvers
