#pragma once

#include <span>

#include "src/base/matrix_view.hpp"

namespace widegram::solvers {

/// Mean of the squared entries.
double mean_square(MatrixView<const double> a);

/// Share of the rows of `targets` whose largest entry is in the same column as that of targets - residuals.
/// Of equal entries the first one counts.
double accuracy_from_residuals(MatrixView<const double> targets, MatrixView<const double> residuals);

/// Number of the point with the least loss; of equal ones that with the largest ridge. Both lists are of one
/// length, which is not 0.
std::size_t best_ridge(std::span<const double> losses, std::span<const double> ridges);

}  // namespace widegram::solvers
