#pragma once

#include "src/dist/matrix.hpp"

namespace widegram::solvers {

/// Collective over the grid. Throws Error(numerical) naming the first entry (column by column) that is NaN or
/// infinite. Reads every entry once.
void check_finite(const dist::DistributedMatrix<double>& a, const char* what);

/// Throws Error(usage) where the ridge is negative or not a number. Every rank brings the same.
void check_ridge(double ridge);

}  // namespace widegram::solvers
