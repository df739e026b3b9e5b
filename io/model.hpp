#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/gram_store_header.hpp"
#include "io/hdf5.hpp"
#include "src/base/matrix.hpp"
#include "src/mpi/communicator.hpp"

namespace widegram::io {

/// What a regression was fitted on, so that it is only asked about the same.
struct ModelHeader {
  std::string kernel;  ///< canonical
  std::string function;
  Precision precision = Precision::float32;  ///< of the Gram's entries
  std::uint64_t train_hash = 0;              ///< checksum of the training samples' checksums, as in gram.h5
  std::uint64_t target_hash = 0;             ///< of all training targets
  Index classes = 0;                         ///< 0: targets are values
  std::string encoding;  ///< of classes as targets: "centered", "one-hot"; "values" otherwise
};

/// The header as attributes of a file: of models and of what else follows from Gram and targets.
void write_model_header(const hdf5::File& file, const ModelHeader& header);
ModelHeader read_model_header(const hdf5::File& file);

/// How a ridge was picked from several, and what each of them came to.
struct RidgeChoice {
  std::string selection;           ///< "loo", "holdout", "evidence"; empty: there was nothing to pick from
  double best = 0;                 ///< relative to the Gram's mean diagonal, like those of the path
  std::vector<std::string> names;  ///< of the path's columns; the first one is "ridge"
  std::vector<std::vector<double>> path;  ///< a row a ridge; NaN where a number does not apply
};

/// What a fit says of the Gaussian process with the Gram as its covariance and the ridge as its noise.
struct Evidence {
  double log_determinant = 0;  ///< of the Gram with the ridge
  double log_evidence = 0;     ///< of the training targets, summed over their columns
  /// Of an estimate by stochastic Lanczos quadrature: standard error of log_evidence, random vectors and
  /// steps; an exact one has no probes.
  double log_evidence_error = 0;
  Index probes = 0;
  Index steps = 0;
};

/// A fitted regression: what model.h5 holds and prediction needs.
struct Model {
  ModelHeader header;
  Matrix<double> alpha;       ///< N x K: coefficients, a target column a column
  double ridge = 0;           ///< relative to the Gram's mean diagonal
  double ridge_absolute = 0;  ///< what was added to the diagonal
  std::string method;         ///< "cholesky", "cg"
  Index iterations = 0;
  double relative_residual = 0;        ///< the largest of the columns'
  RidgeChoice choice;                  ///< written where there is one, and not read back
  std::optional<Evidence> evidence{};  ///< likewise
};

/// Collective; the root's model is written: /alpha (N x K, float64), /ridge (a number; attribute `absolute`),
/// /ridge_path (a row a ridge; attributes `columns` and `selection`) where one was picked, the rest as
/// attributes (log_determinant, log_evidence and, for estimates, log_evidence_error, evidence_probes and
/// evidence_steps where they are known), `complete` = 1. Made under another name and renamed when it is on
/// disk; replaces an older one. Throws Error(files).
void write_model(const mpi::Communicator& comm, const std::string& path, const Model& model);

/// Collective: the root reads and all ranks get all of it. Throws Error(files): missing, cut, damaged, not a
/// model.
Model read_model(const mpi::Communicator& comm, const std::string& path);

/// The first thing in which what the model was fitted on is not what the job says, with both values; empty
/// where none.
std::string difference(const ModelHeader& in_file, const ModelHeader& in_job);

}  // namespace widegram::io
