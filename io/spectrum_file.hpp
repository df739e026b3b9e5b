#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/model.hpp"
#include "src/base/matrix_view.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// value(rank) ~ scale rank^-exponent; all zero where too few values are above zero.
struct PowerLawFit {
  double exponent = 0;
  double standard_error = 0;
  double scale = 0;
  Index first = 0;  ///< ranks that were fitted, counted from 1
  Index last = 0;
};

/// What spectrum.h5 holds but its eigenvectors: eigenvalues of a Gram, largest first, all of them or the
/// largest k.
struct Spectrum {
  ModelHeader header;
  Index n = 0;         ///< rows of the Gram
  std::string method;  ///< "eigendecomposition" (all eigenvalues), "lanczos" (the largest)
  double mean_diagonal = 0;
  std::optional<double> condition_number{};  ///< where all are known; infinite where one is not above zero
  std::vector<double> eigenvalues{};
  std::vector<double> residuals{};            ///< |A v - value v|; lanczos
  std::vector<double> target_power{};         ///< |v^T y|^2 over all targets
  std::vector<double> cumulative_power{};     ///< shares of the targets' whole sum of squares
  std::vector<double> ridges;                 ///< relative to mean_diagonal
  std::vector<double> effective_dimension{};  ///< for each ridge; the least that it can be, and
  std::vector<double>
      effective_dimension_upper{};  ///< the most, where only the largest eigenvalues are known
  PowerLawFit eigenvalue_fit{};
  PowerLawFit target_power_fit{};
};

/// Eigenvectors that lie in parts: this rank has the rows [first, first + rows.rows) of all k of them.
struct EigenvectorRows {
  Index first = 0;
  MatrixView<const double> rows;
};

/// Collective; the root's numbers are written: /eigenvalues, /target_power, /cumulative_power (one for each
/// eigenvalue, largest first), /residuals where known, /effective_dimension and /effective_dimension_upper
/// with /ridges (attribute `mean_diagonal`), the rest as attributes. vectors, where given on all ranks: go to
/// /eigenvectors (n x k). Sealed; replaces an older file once it is whole. Throws Error(files).
void write_spectrum(const mpi::Communicator& comm, const std::string& path, const Spectrum& spectrum,
                    const std::optional<EigenvectorRows>& vectors = {});

/// This process alone. Throws Error(files): missing, cut, damaged, not a spectrum.
Spectrum read_spectrum(const std::string& path);

}  // namespace widegram::io
