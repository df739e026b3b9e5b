#pragma once

#include <span>
#include <vector>

#include "src/base/matrix.hpp"

namespace widegram::solvers {

/// What follows from a spectrum that every rank has as a whole. No communication.

/// Largest eigenvalue over smallest, both with the ridge; infinity where the smallest is not above zero.
/// values: ascending, not empty.
double condition_number(std::span<const double> values, double ridge = 0);

/// tr A (A + ridge I)^-1 for each ridge: how many directions a fit uses. Negative eigenvalues, which rounding
/// makes, count as zero; so does the share of a zero eigenvalue without a ridge.
std::vector<double> effective_dimensions(std::span<const double> values, std::span<const double> ridges);

/// What tr A (A + ridge I)^-1 lies between.
struct EffectiveDimensionBounds {
  double least = 0;
  double most = 0;
};

/// The same where only the largest eigenvalues of an n x n matrix without negative ones are known, descending
/// and not empty, and its trace: what is left of the trace counts least in as few eigenvalues as can be, none
/// of them above the last one known, and most in n - k equal ones, since x / (x + ridge) is concave.
std::vector<EffectiveDimensionBounds> effective_dimension_bounds(std::span<const double> largest,
                                                                 double trace, Index n,
                                                                 std::span<const double> ridges);

/// |v_j^T y|^2 summed over the target columns, largest eigenvalue first. projected: V^T y, n x k, smallest
/// first.
std::vector<double> target_powers(MatrixView<const double> projected);

/// Shares of the sum in the first 1, 2, ... n of the powers; zeros where all powers are zero.
std::vector<double> cumulative_shares(std::span<const double> powers);

/// value(rank) ~ scale rank^-exponent over `ranks`, counted from 1.
struct PowerLaw {
  double exponent = 0;
  double standard_error = 0;
  double scale = 0;
  Range ranks{};     ///< from begin, before end
  Index points = 0;  ///< values above zero in it; with fewer than 3 there is no fit and all is zero
};

/// Straight line through log value against log rank, least squares in which a decade of ranks weighs as much
/// as any other (1 / rank), since the many last ranks would otherwise decide alone. values[0] has rank 1;
/// values that are not above zero are left out. The standard error allows for scatter that differs from rank
/// to rank (White, A heteroskedasticity-consistent covariance matrix estimator, 1980), not for scatter that
/// is correlated: of a smooth spectrum's curvature it says little, and another range says more.
PowerLaw fit_power_law(std::span<const double> values, Range ranks);

/// Ranks that are neither the few first, which the kernel's scale decides, nor the last, which the sample's
/// finite size bends down: from 10 (n / 10 where that is less) to n / 2, before n / 2 + 1.
Range default_fit_range(Index n);

}  // namespace widegram::solvers
